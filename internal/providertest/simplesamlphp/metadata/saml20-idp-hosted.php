<?php

// The identity provider itself.
$settings = json_decode(file_get_contents(__DIR__ . '/../settings.json'), true, 512, JSON_THROW_ON_ERROR);

$metadata[$settings['entityID']] = [
    'host' => '__DEFAULT__',
    'auth' => 'people',
    'privatekey' => 'signing.key',
    'certificate' => 'signing.crt',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'logouttype' => 'traditional', // by redirects, where the other way needs scripts

    'SingleSignOnServiceBinding' => [SAML2\Constants::BINDING_HTTP_REDIRECT, SAML2\Constants::BINDING_HTTP_POST],
    'SingleLogoutServiceBinding' => [SAML2\Constants::BINDING_HTTP_REDIRECT, SAML2\Constants::BINDING_HTTP_POST],

    'attributes.NameFormat' => SAML2\Constants::NAMEFORMAT_BASIC,
    'NameIDFormat' => [SAML2\Constants::NAMEID_PERSISTENT],
    'authproc' => [
        1 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => SAML2\Constants::NAMEID_PERSISTENT],
        2 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => SAML2\Constants::NAMEID_EMAIL_ADDRESS],
    ],
];
