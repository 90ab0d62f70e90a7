-- Which of the backend's API keys was used, counted from 0; null: it has one or none.
alter table requests add column credential integer;
-- How a request came to its deployment, as JSON, where there is more to say than who answered.
alter table requests add column route text;
