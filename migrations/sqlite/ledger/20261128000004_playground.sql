-- Whether a request was made on the playground, by a user's session and not by a key.
alter table requests add column playground integer not null default 0;
