-- The order of events, and webhooks.

-- Numbers of a sequence are handed out before the commit, so that their order is
-- not the order of commits: a reader that has seen 7 may see 6 later. With the
-- transaction beside it, a reader takes only what no open transaction can still
-- come before. All rows that exist get the transaction of this migration.
alter table event add column tx xid8 not null default pg_current_xact_id();
create index event_by_order on event (tenant_id, tx, seq);

create table webhook (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    url text not null,
    description text not null,
    types jsonb not null,
    enabled boolean not null,
    disabled_reason text,
    -- `whsec_…` or `whsk_…`; the one before signs too until its time is over.
    secret text not null,
    old_secret text,
    old_secret_until timestamptz,
    -- What was put into deliveries already.
    cursor_tx bigint not null,
    cursor_seq bigint not null,
    -- The node that works on it, until when.
    lease uuid,
    leased_until timestamptz,
    failing_since timestamptz,
    paused_until timestamptz,
    primary key (tenant_id, id)
);

create table webhook_delivery (
    tenant_id uuid not null,
    webhook_id uuid not null,
    event_id uuid not null,
    tx bigint not null,
    seq bigint not null,
    type text not null,
    record_id uuid not null,
    -- `waiting`, `delivered` or `dead`.
    state text collate "C" not null,
    attempts integer not null,
    -- When the next attempt is due; none while an earlier event of the record waits.
    next_at timestamptz,
    created_at timestamptz not null,
    finished_at timestamptz,
    last_status integer,
    last_error text,
    primary key (tenant_id, webhook_id, event_id)
);
create index webhook_delivery_by_record on webhook_delivery (tenant_id, webhook_id, record_id, tx, seq)
    where state = 'waiting';
create index webhook_delivery_due on webhook_delivery (tenant_id, webhook_id, next_at) where next_at is not null;
create index webhook_delivery_dead on webhook_delivery (tenant_id, webhook_id, event_id) where state = 'dead';
create index webhook_delivery_by_age on webhook_delivery (finished_at) where finished_at is not null;
