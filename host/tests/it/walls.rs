//! Row-level security on PostgreSQL: whatever a statement asks for on the host's own role, it meets the rows of
//! one tenant. Every table is taken from the catalogue, so that a new one is tried, too.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use guildhall::app::{App, Database};
use guildhall::domain::clock::Clock;
use guildhall::domain::id::Ids;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use crate::support::{On, TestApp, new_postgres_database, superuser};

/// Tables that hold nothing of a tenant.
const OF_NOBODY: [&str; 11] = [
    "_sqlx_migrations",
    "instance",
    "object_definition",
    "operator_key",
    "plan",
    "plugin",
    "plugin_listing",
    "plugin_revocation",
    "plugin_screenshot",
    "publisher_key",
    "search_index",
];
/// Tables in which chores of the host meet the rows of all tenants. None of records, and none of what happened to them.
const OPEN_TO_HOST: [&str; 16] = [
    "api_key",
    "blob",
    "data_key",
    "entry_link",
    "idempotency",
    "import",
    "job",
    "module",
    "module_cursor",
    "module_schedule",
    "operator_answer",
    "plugin_usage",
    "session",
    "tenant",
    "webhook",
    "webhook_delivery",
];
/// Unique keys over the rows of all tenants. Policies do not hide from them whether a value is taken: these are
/// made of chance, or known to the operator alone.
const UNIQUE_FOR_ALL: [&str; 6] =
    ["api_key_hash_key", "api_key_pkey", "audit_pkey", "operator_answer_pkey", "tenant_pkey", "tenant_slug_key"];
/// What PostgreSQL says to a row that a policy refuses, to a setting that is no id, and from a trigger.
const REFUSED: &str = "42501";
const NO_ID: &str = "22P02";
const RAISED: &str = "P0001";

/// A table with rows of tenants.
struct Walled {
    name: String,
    /// The column that says whose a row is.
    whose: &'static str,
    /// The other columns that have to be filled, with values for them in SQL.
    filled: Vec<(String, &'static str)>,
}

impl Walled {
    fn insert(&self, tenant: Uuid) -> String {
        let (mut names, mut values) = (self.whose.to_owned(), format!("'{tenant}'"));
        for (name, value) in &self.filled {
            let _ = write!(names, ", \"{name}\"");
            let _ = write!(values, ", {value}");
        }
        format!("insert into \"{}\" ({names}) values ({values})", self.name)
    }

    fn count(&self, condition: &str) -> String {
        format!("select count(*) from \"{}\" where {condition}", self.name)
    }
}

/// A host with a module, and rows of both of its tenants in every table.
struct Site {
    test: TestApp,
    tables: Vec<Walled>,
    /// The tenants of Ann and of Sam.
    tenants: [Uuid; 2],
}

impl Site {
    async fn open() -> Self {
        let test = TestApp::with_plugin(On::Postgres, "guildhall.retail-loyalty").await;
        let mut server = superuser(url(&test)).await;
        let tables = tables(&mut server).await;
        let ids = "select id from tenant order by slug";
        let ids: Vec<Uuid> = sqlx::query_scalar(ids).fetch_all(&mut server).await.unwrap();
        let tenants = [ids[0], ids[1]];
        // Without the checks of foreign keys, since the rows are made up.
        run(&mut server, "set session_replication_role = replica").await.unwrap();
        for table in tables.iter().filter(|table| table.name != "tenant") {
            for tenant in tenants {
                // What the tenant has there already will do.
                run(&mut server, &format!("{} on conflict do nothing", table.insert(tenant))).await.unwrap();
                let own = table.count(&format!("{} = '{tenant}'", table.whose));
                assert!(count(&mut server, own).await.unwrap() > 0, "{}: no row of {tenant}", table.name);
            }
        }
        Self { test, tables, tenants }
    }

    /// A connection as the host has one, but for the setting.
    async fn connect(&self) -> PgConnection {
        PgConnection::connect(url(&self.test)).await.unwrap()
    }
}

fn url(test: &TestApp) -> &str {
    let Database::Postgres(url) = &test.database else { panic!("not on PostgreSQL") };
    url
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<u64, String> {
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| code(&error))
}

async fn count(connection: &mut PgConnection, sql: String) -> Result<i64, String> {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.map_err(|error| code(&error))
}

fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap().into_owned()
}

async fn set(connection: &mut PgConnection, value: &str) {
    sqlx::query("select set_config('guildhall.tenant', $1, false)").bind(value).execute(connection).await.unwrap();
}

/// Every table with rows of tenants, from the catalogue.
async fn tables(server: &mut PgConnection) -> Vec<Walled> {
    let sql = "select table_name::text, column_name::text, data_type::text, \
               is_nullable = 'NO' and column_default is null and is_identity = 'NO' \
               from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position";
    let mut tables: Vec<Walled> = Vec::new();
    for row in sqlx::query(sql).fetch_all(server).await.unwrap() {
        let (name, column, kind): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        if OF_NOBODY.contains(&name.as_str()) {
            continue;
        }
        if tables.last().is_none_or(|last| last.name != name) {
            let whose = if name == "tenant" { "id" } else { "tenant_id" };
            tables.push(Walled { name, whose, filled: Vec::new() });
        }
        let table = tables.last_mut().unwrap();
        if row.get::<bool, _>(3) && column != table.whose {
            table.filled.push((column, sample(&kind)));
        }
    }
    assert!(tables.iter().any(|table| table.name == "o_loyalty__member") && tables.len() > 30);
    tables
}

fn sample(kind: &str) -> &'static str {
    match kind {
        "uuid" => "gen_random_uuid()",
        "text" => "gen_random_uuid()::text",
        "bigint" | "integer" | "numeric" => "1",
        "boolean" => "true",
        "jsonb" => "'{}'",
        "bytea" => "uuid_send(gen_random_uuid())",
        "timestamp with time zone" => "now()",
        "date" => "current_date",
        other => panic!("a value for {other} is missing here"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_walled() {
    let test = TestApp::with_plugin(On::Postgres, "guildhall.retail-loyalty").await;
    let mut server = superuser(url(&test)).await;
    for table in tables(&mut server).await {
        let Walled { name, whose, .. } = &table;
        let sql = "select relrowsecurity and relforcerowsecurity, pg_get_userbyid(relowner)::text, \
                   (select count(*) from pg_policy where polrelid = c.oid), \
                   (select coalesce(pg_get_expr(polqual, polrelid), '') from pg_policy \
                    where polrelid = c.oid and polpermissive and polcmd = '*' and polroles = '{0}'), \
                   (select coalesce(pg_get_expr(polwithcheck, polrelid), '') from pg_policy where polrelid = c.oid), \
                   exists (select 1 from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] \
                    where i.indrelid = c.oid and i.indpred is null and a.attname = $2) \
                   from pg_class c where c.oid = $1::regclass";
        let row = sqlx::query(sql).bind(format!("\"{name}\"")).bind(whose).fetch_one(&mut server).await.unwrap();
        assert!(row.get::<bool, _>(0), "{name}: call guildhall_wall('{name}') in the migration that makes it");
        assert_eq!(row.get::<String, _>(1), "guildhall", "{name}");
        assert_eq!(row.get::<i64, _>(2), 1, "{name}: policies add up, so that a second one is a hole");
        let (using, check): (String, String) = (row.get(3), row.get(4));
        assert_eq!(using, check, "{name}");
        assert!(using.contains("current_setting('guildhall.tenant'::text, true)") && using.contains(whose), "{using}");
        let opens = OPEN_TO_HOST.contains(&name.as_str());
        assert_eq!(using.contains("'*'"), opens, "{name}: named in OPEN_TO_HOST, or not open to chores of the host");
        assert!(row.get::<bool, _>(5), "{name}: no index begins with {whose}");
    }
    let sql = "select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid \
               join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = t.relnamespace \
               join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0] \
               where i.indisunique and n.nspname = 'public' and a.attname <> 'tenant_id' and t.relname <> all ($1)";
    let of_nobody: Vec<String> = OF_NOBODY.iter().map(|name| (*name).to_owned()).collect();
    let unique: Vec<String> = sqlx::query_scalar(sql).bind(of_nobody).fetch_all(&mut server).await.unwrap();
    let unique: BTreeSet<&str> = unique.iter().map(String::as_str).collect();
    assert_eq!(unique, BTreeSet::from(UNIQUE_FOR_ALL), "a unique key over all tenants tells of their values");
    // What runs with the rights of whoever made it would be a way around.
    let sql = "select (select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
               where n.nspname = 'public' and p.prosecdef) + (select count(*) from pg_class c \
               join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('v', 'm', 'p', 'f'))";
    assert_eq!(count(&mut server, sql.to_owned()).await, Ok(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_tenant_there_is_nothing() {
    let site = Site::open().await;
    let ann = site.tenants[0];
    let mut never_set = site.connect().await;
    let mut emptied = site.connect().await;
    set(&mut emptied, "").await;
    // A setting that ended with its transaction is not missing, but empty.
    let mut undone = site.connect().await;
    let local = format!("select set_config('guildhall.tenant', '{ann}', true)");
    let mut transaction = undone.begin().await.unwrap();
    run(&mut transaction, &local).await.unwrap();
    transaction.commit().await.unwrap();
    let left: String =
        sqlx::query_scalar("select current_setting('guildhall.tenant')").fetch_one(&mut undone).await.unwrap();
    assert_eq!(left, "");
    let mut nobodys = site.connect().await;
    set(&mut nobodys, &Uuid::nil().to_string()).await;
    for table in &site.tables {
        let Walled { name, whose, .. } = table;
        for connection in [&mut never_set, &mut emptied, &mut undone, &mut nobodys] {
            assert_eq!(count(connection, table.count("true")).await, Ok(0), "{name}");
            assert_eq!(count(connection, table.count(&format!("{whose} = '{ann}'"))).await, Ok(0), "{name}");
            assert_eq!(run(connection, &format!("update \"{name}\" set {whose} = {whose}")).await, Ok(0), "{name}");
            assert_eq!(run(connection, &format!("delete from \"{name}\"")).await, Ok(0), "{name}");
            assert_eq!(run(connection, &table.insert(ann)).await, Err(REFUSED.to_owned()), "{name}");
        }
    }
    // All of them are there still: somebody else sees them.
    let mut server = superuser(url(&site.test)).await;
    for table in &site.tables {
        for tenant in site.tenants {
            let there = count(&mut server, table.count(&format!("{} = '{tenant}'", table.whose))).await;
            assert!(there.unwrap() > 0, "{}", table.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_climbs_over() {
    let site = Site::open().await;
    let [ann, sam] = site.tenants;
    let mut connection = site.connect().await;
    set(&mut connection, &ann.to_string()).await;
    for table in &site.tables {
        let Walled { name, whose, .. } = table;
        assert!(count(&mut connection, table.count("true")).await.unwrap() > 0, "{name}");
        for condition in [format!("{whose} = '{sam}'"), format!("{whose} <> '{ann}'"), format!("{whose} is null")] {
            assert_eq!(count(&mut connection, table.count(&condition)).await, Ok(0), "{name}");
            let (set, gone) = (format!("update \"{name}\" set {whose} = '{ann}'"), format!("delete from \"{name}\""));
            assert_eq!(run(&mut connection, &format!("{set} where {condition}")).await, Ok(0), "{name}");
            assert_eq!(run(&mut connection, &format!("{gone} where {condition}")).await, Ok(0), "{name}");
        }
        assert_eq!(run(&mut connection, &table.insert(sam)).await, Err(REFUSED.to_owned()), "{name}");
        let moved = run(&mut connection, &format!("update \"{name}\" set {whose} = '{sam}'")).await;
        // The audit trail has a trigger, which is faster.
        let refusal = if name == "audit" { RAISED } else { REFUSED };
        assert_eq!(moved, Err(refusal.to_owned()), "{name}");
        let stolen = format!("{} on conflict do nothing", table.insert(sam));
        assert_eq!(run(&mut connection, &stolen).await, Err(REFUSED.to_owned()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chores_of_the_host_reach_no_records() {
    let site = Site::open().await;
    let mut connection = site.connect().await;
    set(&mut connection, "*").await;
    for table in &site.tables {
        let Walled { name, .. } = table;
        let seen = count(&mut connection, table.count("true")).await;
        if OPEN_TO_HOST.contains(&name.as_str()) {
            assert!(seen.unwrap() >= 2, "{name}");
            continue;
        }
        assert_eq!(seen, Err(NO_ID.to_owned()), "{name}");
        assert!(run(&mut connection, &table.insert(site.tenants[0])).await.is_err(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_its_wall_gets_one_at_the_next_start() {
    let test = TestApp::start(On::Postgres).await;
    let mut server = superuser(url(&test)).await;
    for sql in ["drop policy guildhall_wall on o_contact", "alter table o_contact disable row level security"] {
        run(&mut server, sql).await.unwrap();
    }
    let is_forced = "select count(*) from pg_class where relname = 'o_contact' and relrowsecurity";
    assert_eq!(count(&mut server, is_forced.to_owned()).await, Ok(0));
    crate::support::open(&test.database, Clock::system()).await.unwrap();
    assert_eq!(count(&mut server, is_forced.to_owned()).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_see_past_policies_are_refused() {
    let url = new_postgres_database().await;
    let mut server = superuser(&url).await;
    let name = format!("bypasses_{}", Ids::new(Clock::system()).make().simple());
    run(&mut server, &format!("create role {name} login bypassrls")).await.unwrap();
    for (role, why) in [("postgres", "is a superuser"), (name.as_str(), "has BYPASSRLS")] {
        let database = Database::Postgres(url.replacen("//guildhall@", &format!("//{role}@"), 1));
        let refused =
            App::open_with(&database, Clock::system(), crate::support::settings()).await.err().unwrap().to_string();
        assert!(refused.contains(why) && refused.contains(role) && refused.contains("create role"), "{refused}");
    }
    run(&mut server, &format!("drop role {name}")).await.unwrap();
    // Nothing was done before the refusal.
    let tables = "select count(*) from information_schema.tables where table_schema = 'public'";
    assert_eq!(count(&mut server, tables.to_owned()).await, Ok(0));
}
