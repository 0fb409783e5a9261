//! How the engines run what is asked: by an index that begins with the tenant, never by a scan.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::access::Permits;
use crate::app::question::{Asker, ListRequest};
use crate::app::{App, Database};
use crate::domain::aggregate::Aggregate;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::query::Query;
use crate::domain::search::terms;
use crate::domain::value::Value;

/// A host whose plans are looked at.
struct Site {
    app: Arc<App>,
    caller: crate::domain::caller::Caller,
    _directory: tempfile::TempDir,
}

impl Site {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(directory.path().join("plans.sqlite"));
        Self::at(database, directory).await
    }

    async fn at(database: Database, directory: tempfile::TempDir) -> Self {
        let app = App::open(&database, Clock::system()).await.unwrap();
        let key = app.create_tenant("plans", "Plans").await.unwrap().api_key;
        let caller = app.authenticate(&key).await.unwrap();
        Self { app, caller, _directory: directory }
    }

    async fn asker(&self, object: &str) -> Asker {
        self.app.asker(&self.caller, object).await.unwrap()
    }

    /// The query of a request, with its permits.
    async fn query(&self, object: &str, filter: &Json, sort: &str, after: Option<Vec<Value>>) -> (Permits, Query) {
        let request = ListRequest { filter: Some(filter.clone()), sort: sort.to_owned(), ..ListRequest::default() };
        let question = self.app.question(&self.asker(object).await, &request, None).unwrap();
        (question.permits, Query { after, ..question.query })
    }
}

/// Every table and index is entered by what it begins with: the tenant.
fn assert_is_bounded(plan: &str, what: &str) {
    for line in
        plan.split("; ").filter(|line| line.contains("o_") || line.contains("search_token") || line.contains("t0"))
    {
        let is_outer = line.starts_with("SCAN s") || line.contains("figures") || line.contains("CORRELATED");
        assert!(is_outer || line.contains("tenant_id=?"), "{what}: {line} of {plan}");
    }
    assert!(!plan.contains("SCAN t"), "{what}: {plan}");
    assert!(!plan.contains("SCAN search_token"), "{what}: {plan}");
}

const LINK: &str = "01a20031-9c4a-7239-8605-04c662a595e1";

#[tokio::test(flavor = "multi_thread")]
async fn listed_plans_use_the_index_that_fits() {
    let site = Site::open().await;
    let name = || Value::Text("n".to_owned());
    let id = || Value::Id(Uuid::nil());
    let emails = json!({"email": {"_in": ["a@x.com", "b@x.com"]}});
    let cases = [
        (json!({}), "", None, "USING PRIMARY KEY (tenant_id=?)"),
        (json!({}), "", Some(vec![id()]), "USING PRIMARY KEY (tenant_id=? AND id>?)"),
        (json!({}), "name", None, "i_o_contact__name (tenant_id=?)"),
        (json!({}), "-name", Some(vec![name(), id()]), "i_o_contact__name (tenant_id=? AND name<?)"),
        (json!({"city": {"_eq": "Bern"}}), "name", None, "i_o_contact__city__name (tenant_id=? AND city=?)"),
        (
            json!({"city": {"_eq": "Bern"}}),
            "name",
            Some(vec![name(), id()]),
            "i_o_contact__city__name (tenant_id=? AND city=? AND name>?)",
        ),
        (json!({"external_id": {"_eq": "7"}}), "", None, "u_o_contact__external_id (tenant_id=? AND external_id=?)"),
        (json!({"company": {"_eq": LINK}}), "", None, "i_o_contact__company (tenant_id=? AND company=?)"),
        (emails, "name", None, "u_o_contact__email (tenant_id=? AND email=?)"),
        (
            json!({"name": {"_starts_with": "An"}}),
            "name",
            None,
            "i_o_contact__name (tenant_id=? AND name>? AND name<?)",
        ),
    ];
    let mut used = BTreeSet::new();
    for (filter, sort, after, index) in cases {
        let (permits, query) = site.query("contact", &filter, sort, after).await;
        let plan = site.app.store.plan(&permits, &query).await;
        assert!(plan.contains(index), "{filter} by {sort}: {plan}");
        assert!(!plan.contains("SCAN"), "{filter} by {sort}: {plan}");
        used.insert(index.split(' ').next());
    }
    assert!(used.len() > 4);
}

/// PostgreSQL scans small tables whatever the query. Told not to, it still does where no index fits.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_finds_an_index_for_everything() {
    let server = std::env::var("GUILDHALL_TEST_POSTGRES")
        .expect("these tests need a PostgreSQL server: `cargo xtask test` starts one for them");
    let mark = if server.contains('?') { '&' } else { '?' };
    let database = Database::Postgres(format!("{server}{mark}options[enable_seqscan]=off"));
    let site = Site::at(database, tempfile::tempdir().unwrap()).await;
    let mut plans = Vec::new();
    for (object, filter, sort) in [
        ("contact", json!({}), ""),
        ("contact", json!({"city": {"_eq": "Bern"}}), "name"),
        ("contact", json!({"name": {"_starts_with": "An"}}), "name"),
        ("contact", json!({"company": {"parent": {"name": {"_eq": "x"}}}}), ""),
        ("contact", json!({"orders": {"_none": {"quantity": {"_gt": 1}}}}), ""),
        ("company", json!({"subsidiaries": {"_some": {"contacts": {"_some": {}}}}}), ""),
        ("order", json!({"contact": {"_eq": LINK}}), "placed_at"),
    ] {
        let (permits, query) = site.query(object, &filter, sort, None).await;
        plans.push(site.app.store.plan(&permits, &query).await);
        plans.push(site.app.store.plan_of_count(&permits, &query).await);
    }
    let permit = site.asker("contact").await.permit;
    plans.extend(site.app.store.plans_of_words(&permit, &terms("ann 4567 王小").unwrap()).await);
    let body = json!({"group_by": ["status"], "measures": [{"fn": "sum", "field": "total"}]});
    let (permits, query) = site.query("order", &json!({}), "", None).await;
    let aggregate = Aggregate::parse(permits.own().object(), body.as_object().unwrap()).unwrap();
    plans.push(site.app.store.plan_of_figures(&permits, query.filter.as_ref(), &aggregate, &[None]).await);
    for plan in plans {
        assert!(!plan.contains("Seq Scan"), "{plan}");
        // Each use of an index begins with the tenant.
        let uses = plan.matches("Index Scan").count() + plan.matches("Index Only Scan").count();
        assert!(uses > 0 && plan.matches("tenant_id = ").count() >= uses, "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_followed_by_their_index() {
    let site = Site::open().await;
    let parent = json!({"company": {"parent": {"name": {"_eq": "x"}}}});
    let cases = [
        ("contact", json!({"company": {"name": {"_eq": "x"}}}), "i_o_company__name (tenant_id=? AND name=?)"),
        ("contact", parent, "i_o_company__name (tenant_id=? AND name=?)"),
        ("contact", json!({"orders": {"_some": {}}}), "i_o_order__contact (tenant_id=? AND contact=?)"),
        (
            "contact",
            json!({"orders": {"_none": {"quantity": {"_gt": 1}}}}),
            "i_o_order__contact (tenant_id=? AND contact=?)",
        ),
        (
            "company",
            json!({"orders": {"_every": {"quantity": {"_gt": 1}}}}),
            "i_o_order__company (tenant_id=? AND company=?)",
        ),
        (
            "company",
            json!({"subsidiaries": {"_some": {"contacts": {"_some": {}}}}}),
            "i_o_contact__company (tenant_id=? AND company=?)",
        ),
    ];
    for (object, filter, index) in cases {
        let (permits, query) = site.query(object, &filter, "", None).await;
        for plan in [site.app.store.plan(&permits, &query).await, site.app.store.plan_of_count(&permits, &query).await]
        {
            assert!(plan.contains(index), "{filter}: {plan}");
            assert_is_bounded(&plan, &filter.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_end_of_a_link_is_found_by_their_index() {
    let site = Site::open().await;
    let place = site.asker("order").await.permit.object().position("contact").unwrap();
    let within = Filter::Compare(Target::Field(place), Comparison::Equal, Value::Id(Uuid::nil()));
    let asker = site.asker("order").await;
    let question = site.app.question(&asker, &ListRequest::default(), Some(within)).unwrap();
    let plan = site.app.store.plan(&question.permits, &question.query).await;
    assert!(plan.contains("i_o_order__contact (tenant_id=? AND contact=?)"), "{plan}");
    assert_is_bounded(&plan, "links");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_by_their_key() {
    let site = Site::open().await;
    let permit = site.asker("contact").await.permit;
    let plans = site.app.store.plans_of_words(&permit, &terms("ann 4567 王小").unwrap()).await;
    for plan in &plans {
        assert_is_bounded(plan, "words");
        assert!(plan.contains("tenant_id=? AND object=? AND token"), "{plan}");
    }
    // The best come first by the key itself: nothing is sorted.
    assert!(plans[..2].iter().all(|plan| !plan.contains("TEMP B-TREE")), "{plans:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_made_within_the_tenant() {
    let site = Site::open().await;
    for (filter, group, index) in [
        (json!({}), json!(["status"]), "(tenant_id=?)"),
        (json!({"status": {"_eq": "paid"}}), json!([]), "i_o_order__status (tenant_id=? AND status=?)"),
        (
            json!({"placed_at": {"_gte": "$now(-30d)"}}),
            json!([{"field": "placed_at", "bucket": "day"}]),
            "i_o_order__placed_at (tenant_id=? AND placed_at>?",
        ),
    ] {
        let (permits, query) = site.query("order", &filter, "", None).await;
        let body = json!({"group_by": group, "measures": [{"fn": "sum", "field": "total"}, {"fn": "count"}]});
        let aggregate = Aggregate::parse(permits.own().object(), body.as_object().unwrap()).unwrap();
        let days = (0..3).map(|day| Value::Datetime(Timestamp::from_micros(day))).collect::<Vec<_>>();
        let bounds: Vec<_> = aggregate.keys.iter().map(|key| key.bucket.map(|_| days.clone())).collect();
        let plan = site.app.store.plan_of_figures(&permits, query.filter.as_ref(), &aggregate, &bounds).await;
        assert!(plan.contains(index), "{filter}: {plan}");
        assert_is_bounded(&plan, &filter.to_string());
    }
}
