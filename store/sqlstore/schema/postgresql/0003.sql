-- Sallyport, schema version 3, PostgreSQL: mailed links, invitations, seats.
-- Times are microseconds since 1970 in UTC; 0 is "none". What is sealed was made with a key that is not in here.

ALTER TABLE sallyport_credentials ADD COLUMN must_change BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sallyport_credentials ADD COLUMN recovery_email TEXT NOT NULL DEFAULT '';

ALTER TABLE sallyport_users ADD COLUMN unverified BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sallyport_accounts ADD COLUMN grace_ends BIGINT NOT NULL DEFAULT 0;

CREATE TABLE sallyport_tickets (
	token_hash BYTEA  NOT NULL PRIMARY KEY,
	slot       BYTEA  NOT NULL UNIQUE,
	expires_at BIGINT NOT NULL,
	body       BYTEA  NOT NULL
);
CREATE INDEX sallyport_tickets_ends ON sallyport_tickets (expires_at);

CREATE TABLE sallyport_seats (
	account_id TEXT   NOT NULL REFERENCES sallyport_accounts (id),
	product    TEXT   NOT NULL,
	total      BIGINT NOT NULL,
	PRIMARY KEY (account_id, product)
);

CREATE TABLE sallyport_seat_holders (
	account_id TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	product    TEXT NOT NULL,
	PRIMARY KEY (account_id, user_id, product),
	FOREIGN KEY (account_id, user_id) REFERENCES sallyport_members (account_id, user_id)
);
CREATE INDEX sallyport_seat_holders_product ON sallyport_seat_holders (account_id, product);

CREATE TABLE sallyport_invitations (
	id         TEXT   NOT NULL PRIMARY KEY,
	account_id TEXT   NOT NULL REFERENCES sallyport_accounts (id),
	email      TEXT   NOT NULL,
	name       TEXT   NOT NULL,
	lang       TEXT   NOT NULL,
	invited_by TEXT   NOT NULL, -- a user id, or empty: the host
	role       TEXT   NOT NULL,
	state      TEXT   NOT NULL,
	letter     BIGINT NOT NULL, -- how many were sent
	sent_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	UNIQUE (account_id, email)
);
CREATE INDEX sallyport_invitations_email ON sallyport_invitations (email);

CREATE TABLE sallyport_invitation_seats (
	invitation_id TEXT NOT NULL REFERENCES sallyport_invitations (id),
	account_id    TEXT NOT NULL,
	product       TEXT NOT NULL,
	PRIMARY KEY (invitation_id, product)
);
CREATE INDEX sallyport_invitation_seats_product ON sallyport_invitation_seats (account_id, product);
