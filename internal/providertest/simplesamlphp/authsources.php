<?php

// The people who can sign in: "name:password" => attributes.
$settings = json_decode(file_get_contents(__DIR__ . '/settings.json'), true, 512, JSON_THROW_ON_ERROR);

$config = ['people' => ['exampleauth:UserPass'] + $settings['people']];
