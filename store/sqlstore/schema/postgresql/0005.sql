-- Sallyport, schema version 5, PostgreSQL: accounts that people have at social providers.
-- Times are microseconds since 1970 in UTC; 0 is "none". What is sealed was made with a key that is not in here.

-- Which social provider a link came by; empty: a company's.
ALTER TABLE sallyport_identities ADD COLUMN provider TEXT NOT NULL DEFAULT '';

CREATE TABLE sallyport_social_requests (
	request_key BYTEA  NOT NULL PRIMARY KEY,
	provider    TEXT   NOT NULL,
	body        BYTEA  NOT NULL,
	made_at     BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL
);
CREATE INDEX sallyport_social_requests_ends ON sallyport_social_requests (expires_at);
