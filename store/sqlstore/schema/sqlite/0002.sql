-- Sallyport, schema version 2, SQLite: the second step, mailed codes, letters.
-- Times are microseconds since 1970 in UTC; 0 is "none". What is sealed and what is a MAC was made with a key that is not in here.

ALTER TABLE sallyport_devices ADD COLUMN trusted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_devices ADD COLUMN two_step_until BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sallyport_credentials ADD COLUMN locked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_credentials ADD COLUMN reset_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE sallyport_totp (
	user_id     TEXT   NOT NULL PRIMARY KEY,
	id          TEXT   NOT NULL,
	sealed      BLOB   NOT NULL,
	since       BIGINT NOT NULL,
	last_step   BIGINT NOT NULL,
	tries       BIGINT NOT NULL, -- wrong codes in a row
	closed_to   BIGINT NOT NULL,
	reset_asked BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE sallyport_codes (
	code_key   BLOB   NOT NULL PRIMARY KEY,
	id         TEXT   NOT NULL,
	mac        BLOB   NOT NULL,
	expires_at BIGINT NOT NULL,
	tries      BIGINT NOT NULL,
	sends      BIGINT NOT NULL,
	sent_at    BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL -- of the row; the code in it ends sooner
) WITHOUT ROWID;
CREATE INDEX sallyport_codes_ends ON sallyport_codes (ends_at);

CREATE TABLE sallyport_recovery (
	user_id   TEXT   NOT NULL PRIMARY KEY,
	id        TEXT   NOT NULL, -- of the set
	made_at   BIGINT NOT NULL,
	tries     BIGINT NOT NULL,
	closed_to BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE sallyport_recovery_codes (
	user_id TEXT   NOT NULL,
	mac     BLOB   NOT NULL,
	used_at BIGINT NOT NULL,
	PRIMARY KEY (user_id, mac)
) WITHOUT ROWID;

CREATE TABLE sallyport_outbox (
	id         TEXT   NOT NULL PRIMARY KEY,
	due_at     BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	attempts   BIGINT NOT NULL,
	body       BLOB   NOT NULL
) WITHOUT ROWID;
CREATE INDEX sallyport_outbox_due ON sallyport_outbox (due_at, id);
