<?php

// The configuration of SimpleSAMLphp for one test. What differs from test to test stands in settings.json beside it.
$settings = json_decode(file_get_contents(__DIR__ . '/settings.json'), true, 512, JSON_THROW_ON_ERROR);

$config = [
    'baseurlpath' => $settings['url'],
    'metadatadir' => __DIR__ . '/metadata',
    'certdir' => __DIR__ . '/',
    'datadir' => __DIR__ . '/',
    'tempdir' => __DIR__ . '/temp',
    'loggingdir' => __DIR__ . '/',

    'secretsalt' => $settings['secret'],
    'auth.adminpassword' => $settings['secret'],
    'admin.protectindexpage' => true,
    'admin.checkforupdates' => false,
    'technicalcontact_name' => 'Nobody',
    'technicalcontact_email' => 'na@example.org',
    'timezone' => 'UTC',
    'language.default' => 'en',
    'trusted.url.domains' => ['127.0.0.1', 'localhost'],

    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],

    // By plain http its cookies cannot be Secure. Requests are posted here by other sites, and must find the session.
    'session.cookie.secure' => false,
    'session.cookie.samesite' => 'None',
    'language.cookie.secure' => false,
    'language.cookie.samesite' => 'Lax',
    'store.type' => 'phpsession',
    'session.phpsession.savepath' => __DIR__ . '/sessions',
    'session.phpsession.httponly' => true,

    // To the standard error, which the test shows when it fails.
    'logging.handler' => 'errorlog',
    'logging.level' => SimpleSAML\Logger::INFO,
    'logging.processname' => 'simplesamlphp',
    'debug' => ['backtraces' => true, 'validatexml' => false],
    'showerrors' => true,
    'errorreporting' => false,
];
