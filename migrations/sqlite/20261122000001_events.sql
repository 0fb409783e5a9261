-- The order of events, and webhooks.

-- There is one writer, so that the order of `seq` is the order of commits. The
-- column is here so that both engines read events with the same text.
alter table event add column tx integer not null default 0;
create index event_by_order on event (tenant_id, tx, seq);

create table webhook (
    tenant_id blob not null references tenant (id),
    id blob not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    url text not null,
    description text not null,
    types text not null,
    enabled integer not null,
    disabled_reason text,
    -- `whsec_…` or `whsk_…`; the one before signs too until its time is over.
    secret text not null,
    old_secret text,
    old_secret_until integer,
    -- What was put into deliveries already.
    cursor_tx integer not null,
    cursor_seq integer not null,
    -- The node that works on it, until when.
    lease blob,
    leased_until integer,
    failing_since integer,
    paused_until integer,
    primary key (tenant_id, id)
) strict, without rowid;

create table webhook_delivery (
    tenant_id blob not null,
    webhook_id blob not null,
    event_id blob not null,
    tx integer not null,
    seq integer not null,
    type text not null,
    record_id blob not null,
    -- `waiting`, `delivered` or `dead`.
    state text not null,
    attempts integer not null,
    -- When the next attempt is due; none while an earlier event of the record waits.
    next_at integer,
    created_at integer not null,
    finished_at integer,
    last_status integer,
    last_error text,
    primary key (tenant_id, webhook_id, event_id)
) strict, without rowid;
create index webhook_delivery_by_record on webhook_delivery (tenant_id, webhook_id, record_id, tx, seq)
    where state = 'waiting';
create index webhook_delivery_due on webhook_delivery (tenant_id, webhook_id, next_at) where next_at is not null;
create index webhook_delivery_dead on webhook_delivery (tenant_id, webhook_id, event_id) where state = 'dead';
create index webhook_delivery_by_age on webhook_delivery (finished_at) where finished_at is not null;

-- What the planner is told of them: figures of a busy installation.
analyze sqlite_schema;
insert into sqlite_stat1 (tbl, idx, stat) values
    ('event', 'event_by_order', '10000000 10000 10000 1'),
    ('event', 'event_by_record', '10000000 10000 10 1'),
    ('webhook_delivery', 'webhook_delivery', '1000000 2000 1000 1'),
    ('webhook_delivery', 'webhook_delivery_by_record', '10000 200 100 2 1 1'),
    ('webhook_delivery', 'webhook_delivery_due', '10000 200 100 2'),
    ('webhook_delivery', 'webhook_delivery_dead', '10000 200 100 1'),
    ('webhook_delivery', 'webhook_delivery_by_age', '1000000 2');
