<?php

// Whom the provider signs people in for.
$settings = json_decode(file_get_contents(__DIR__ . '/../settings.json'), true, 512, JSON_THROW_ON_ERROR);

foreach ($settings['peers'] as $entityID => $peer) {
    $metadata[$entityID] = $peer;
}
