-- Sallyport, schema version 4, PostgreSQL: who people are elsewhere, domains and the company's own sign-in.
-- Times are microseconds since 1970 in UTC; 0 is "none". Keys are the 32 bytes of a SHA-256 over what no index has room for.
-- What is sealed and what is a MAC was made with a key that is not in here.

CREATE TABLE sallyport_identities (
	identity_key BYTEA  NOT NULL PRIMARY KEY, -- of source and subject
	place_key    BYTEA  NOT NULL UNIQUE, -- of user_id and source
	id           TEXT   NOT NULL UNIQUE,
	user_id      TEXT   NOT NULL,
	source       BYTEA  NOT NULL,
	subject      BYTEA  NOT NULL,
	email        TEXT   NOT NULL,
	linked_at    BIGINT NOT NULL,
	used_at      BIGINT NOT NULL
);
CREATE INDEX sallyport_identities_user ON sallyport_identities (user_id);

ALTER TABLE sallyport_members ADD COLUMN sso TEXT NOT NULL DEFAULT ''; -- exempt, required, or empty: what the domain asks

ALTER TABLE sallyport_domains ADD COLUMN enforced_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_domains ADD COLUMN connection_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sallyport_domains ADD COLUMN tested_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_domains ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE sallyport_domains ADD COLUMN check_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_domains ADD COLUMN misses BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_domains ADD COLUMN missed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_domains ADD COLUMN lost_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sallyport_domains_check ON sallyport_domains (check_at);
CREATE INDEX sallyport_domains_connection ON sallyport_domains (connection_id);
UPDATE sallyport_domains SET enforced_at = verified_at WHERE sso = 'enforced';

CREATE TABLE sallyport_domain_claims (
	name       TEXT   NOT NULL,
	account_id TEXT   NOT NULL REFERENCES sallyport_accounts (id),
	value      TEXT   NOT NULL,
	made_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (name, account_id)
);
CREATE INDEX sallyport_domain_claims_account ON sallyport_domain_claims (account_id);

CREATE TABLE sallyport_sso_requests (
	request_key BYTEA  NOT NULL PRIMARY KEY,
	connection  TEXT   NOT NULL,
	body        BYTEA  NOT NULL,
	made_at     BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL
);
CREATE INDEX sallyport_sso_requests_ends ON sallyport_sso_requests (expires_at);

CREATE TABLE sallyport_sso_assertions (
	assertion_key BYTEA  NOT NULL PRIMARY KEY,
	expires_at    BIGINT NOT NULL
);
CREATE INDEX sallyport_sso_assertions_ends ON sallyport_sso_assertions (expires_at);

CREATE TABLE sallyport_sso_logins (
	session_id    TEXT   NOT NULL PRIMARY KEY,
	user_id       TEXT   NOT NULL,
	connection    TEXT   NOT NULL,
	subject       BYTEA  NOT NULL, -- a MAC
	session_index BYTEA  NOT NULL, -- a MAC; zeros: none
	body          BYTEA  NOT NULL,
	expires_at    BIGINT NOT NULL
);
CREATE INDEX sallyport_sso_logins_subject ON sallyport_sso_logins (connection, subject);
CREATE INDEX sallyport_sso_logins_index ON sallyport_sso_logins (connection, session_index);
CREATE INDEX sallyport_sso_logins_ends ON sallyport_sso_logins (expires_at);

CREATE TABLE sallyport_sso_connections (
	id         TEXT   NOT NULL PRIMARY KEY,
	account_id TEXT   NOT NULL,
	version    BIGINT NOT NULL, -- 0: deleted, and only whose it was is kept
	body       BYTEA  NOT NULL,
	refresh_at BIGINT NOT NULL
);
CREATE INDEX sallyport_sso_connections_account ON sallyport_sso_connections (account_id);
CREATE INDEX sallyport_sso_connections_refresh ON sallyport_sso_connections (refresh_at);
