-- Which requests are open stands in the ledger's journal from now on. What an older version left open was interrupted,
-- and is charged what was noted of it, as that version would have done at its next start.

insert into requests (request_id, started_at, user_id, team_id, key_id, backend_id, deployment_id, dialect,
    request_model, upstream_model, stream, outcome, status, input_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, output_tokens, reasoning_tokens, usage_estimated, price_id, cost_nano, attempts,
    duration_ms, error)
select request_id, started_at, user_id, team_id, key_id, backend_id, deployment_id, dialect, request_model,
    upstream_model, stream, 'interrupted', 0, input_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, output_tokens, 0, 1, price_id, cost_nano, attempts, 0,
    'the router stopped while the request was running'
from open_requests;

insert into rollups (hour, user_id, key_id, backend_id, request_model, team_id, requests, errors, unpriced,
    input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
    cost_nano)
select started_at - started_at % 3600000, coalesce(user_id, 0), coalesce(key_id, 0), coalesce(backend_id, 0),
    request_model, coalesce(max(team_id), 0), count(*), count(*), sum(cost_nano is null), sum(input_tokens),
    sum(cache_read_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), sum(output_tokens), 0,
    coalesce(sum(cost_nano), 0)
from open_requests where true group by 1, 2, 3, 4, 5
on conflict (hour, user_id, key_id, backend_id, request_model) do update set
    requests = requests + excluded.requests, errors = errors + excluded.errors,
    unpriced = unpriced + excluded.unpriced, input_tokens = input_tokens + excluded.input_tokens,
    cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
    cache_write_5m_tokens = cache_write_5m_tokens + excluded.cache_write_5m_tokens,
    cache_write_1h_tokens = cache_write_1h_tokens + excluded.cache_write_1h_tokens,
    output_tokens = output_tokens + excluded.output_tokens, cost_nano = cost_nano + excluded.cost_nano;

drop table open_requests;
