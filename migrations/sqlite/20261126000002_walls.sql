-- SQLite has no row-level security: here, the host's own statements keep tenants apart.
select 1;
