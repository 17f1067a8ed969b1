-- Sallyport, schema version 1, PostgreSQL.
-- Times are microseconds since 1970 in UTC; 0 is "none". Token hashes are the 32 bytes of a SHA-256.

CREATE TABLE sallyport_sessions (
	token_hash BYTEA  NOT NULL PRIMARY KEY,
	id         TEXT   NOT NULL,
	user_id    TEXT   NOT NULL,
	account_id TEXT   NOT NULL,
	device_id  TEXT   NOT NULL,
	methods    TEXT   NOT NULL,
	via        TEXT   NOT NULL,
	kept       BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	auth_time  BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	idle       BIGINT NOT NULL, -- microseconds
	expires_at BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL, -- the earlier of expires_at and seen_at + idle
	user_agent TEXT   NOT NULL,
	ip         TEXT   NOT NULL
);
CREATE INDEX sallyport_sessions_user ON sallyport_sessions (user_id, created_at);
CREATE INDEX sallyport_sessions_ends ON sallyport_sessions (ends_at);

CREATE TABLE sallyport_account_cuts (
	account_id TEXT   NOT NULL PRIMARY KEY,
	last_cut   BIGINT NOT NULL,
	due_cut    BIGINT NOT NULL
);

CREATE TABLE sallyport_devices (
	token_hash  BYTEA  NOT NULL,
	user_id     TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	user_agent  TEXT   NOT NULL,
	ip          TEXT   NOT NULL,
	first_seen  BIGINT NOT NULL,
	last_seen   BIGINT NOT NULL,
	known_until BIGINT NOT NULL,
	PRIMARY KEY (token_hash, user_id)
);
CREATE INDEX sallyport_devices_user ON sallyport_devices (user_id, last_seen);
CREATE INDEX sallyport_devices_ends ON sallyport_devices (known_until);

CREATE TABLE sallyport_credentials (
	user_id    TEXT   NOT NULL PRIMARY KEY,
	hash       TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	changed_at BIGINT NOT NULL,
	history    TEXT   NOT NULL -- a JSON list
);

CREATE TABLE sallyport_flows (
	token_hash BYTEA  NOT NULL PRIMARY KEY,
	version    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	body       BYTEA  NOT NULL
);
CREATE INDEX sallyport_flows_ends ON sallyport_flows (expires_at);

CREATE TABLE sallyport_limits (
	counter_key BYTEA  NOT NULL PRIMARY KEY,
	guesses     BIGINT NOT NULL,
	since       BIGINT NOT NULL,
	closed_to   BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL
);
CREATE INDEX sallyport_limits_ends ON sallyport_limits (expires_at);

CREATE TABLE sallyport_users (
	id        TEXT   NOT NULL PRIMARY KEY,
	email     TEXT   NOT NULL UNIQUE,
	name      TEXT   NOT NULL,
	locale    TEXT   NOT NULL,
	suspended BIGINT NOT NULL
);

CREATE TABLE sallyport_accounts (
	id     TEXT NOT NULL PRIMARY KEY,
	name   TEXT NOT NULL,
	state  TEXT NOT NULL,
	policy TEXT NOT NULL -- a JSON object
);

CREATE TABLE sallyport_members (
	account_id TEXT NOT NULL REFERENCES sallyport_accounts (id),
	user_id    TEXT NOT NULL,
	role       TEXT NOT NULL,
	state      TEXT NOT NULL,
	PRIMARY KEY (account_id, user_id)
);
CREATE INDEX sallyport_members_user ON sallyport_members (user_id);

CREATE TABLE sallyport_domains (
	name        TEXT   NOT NULL PRIMARY KEY,
	account_id  TEXT   NOT NULL REFERENCES sallyport_accounts (id),
	sso         TEXT   NOT NULL,
	verified_at BIGINT NOT NULL
);
CREATE INDEX sallyport_domains_account ON sallyport_domains (account_id);
