//! What an order ought to carry, read from its record.

use guildhall_sdk::{Change, Decimal, Fault, Operation, Query, Record, filter, records};

use crate::calendar::Date;
use crate::points::earn::{Basket, Line, whole};
use crate::settings::{Settings, Window};

/// The fields of an order that its points depend on.
const FIELDS: [&str; 5] = ["contact", "total", "status", "placed_at", "quantity"];

/// What an order ought to carry after its change.
#[derive(Debug, PartialEq)]
pub struct Claim {
    /// Id of the order.
    pub order: String,
    /// Whether the order is new, so that the ledger cannot know it yet.
    pub is_new: bool,
    /// The day of the order; day zero where no setting looks at days.
    pub day: Date,
    /// Who earns, if somebody earns anything.
    pub earner: Option<String>,
    /// What was bought; with nothing, there is nothing to earn.
    pub basket: Option<Basket>,
    /// The points by the rules, before the tier and before they are cut off.
    pub points: Decimal,
    /// The qualifying points.
    pub qualifying: i64,
    /// What of the total is paid back with this change.
    pub refund: Option<Decimal>,
    /// Whether the order is called off: what was spent on it comes back.
    pub is_off: bool,
}

/// Whether a change can matter to the points of its order.
pub fn concerns(change: &Change) -> bool {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => FIELDS.iter().any(|field| before.value(field) != after.value(field)),
        _ => true,
    }
}

/// The currency of an order that earns nothing because of it.
pub fn foreign_currency(order: &Record, settings: &Settings) -> Option<String> {
    let accepted = settings.currency.as_deref()?;
    let total = order.money("total")?;
    (total.currency != accepted).then_some(total.currency)
}

impl Claim {
    /// Of a change; `day` tells the day of a moment.
    pub fn of_change(
        change: &Change,
        settings: &Settings,
        day: impl Fn(&str) -> Result<Date, Fault>,
    ) -> Result<Self, Fault> {
        let after = change.after.as_ref();
        // An order that was restored comes as a new one, and the ledger knows it.
        let is_first = after.and_then(|order| order.integer("version")).is_none_or(|version| version == 1);
        let is_new = change.operation == Operation::Create && is_first;
        let moment = after.or(change.before.as_ref()).and_then(|order| order.datetime("placed_at"));
        let nothing = Self::nothing(&change.id, is_new, day_of(moment, settings, day)?);
        match after {
            Some(order) => nothing.of(order, settings),
            None => Ok(Self { is_off: true, ..nothing }),
        }
    }

    /// Of an order as it is stored.
    pub fn of_order(
        order: &Record,
        settings: &Settings,
        day: impl Fn(&str) -> Result<Date, Fault>,
    ) -> Result<Self, Fault> {
        Self::nothing(order.id(), false, day_of(order.datetime("placed_at"), settings, day)?).of(order, settings)
    }

    fn nothing(id: &str, is_new: bool, day: Date) -> Self {
        Self {
            order: id.to_owned(),
            is_new,
            day,
            earner: None,
            basket: None,
            points: Decimal::ZERO,
            qualifying: 0,
            refund: None,
            is_off: false,
        }
    }

    fn of(mut self, order: &Record, settings: &Settings) -> Result<Self, Fault> {
        self.is_off = order.text("status") == Some("cancelled");
        if !may_earn(order, settings) || settings.is_before_start(self.day)? {
            return Ok(self);
        }
        let basket = basket(&self.order, order, self.day, settings)?;
        self.points = basket.points(&settings.all_rules(), &settings.excluded_categories)?;
        whole(self.points, Decimal::from(1))?;
        let base = basket.base(&settings.excluded_categories).unwrap_or(Decimal::ZERO);
        self.qualifying = whole(base, settings.qualifying())?;
        // A tier may make a whole point of less.
        let best = settings.tiers.iter().map(|tier| tier.multiplier).max().unwrap_or(Decimal::from(1));
        let most = self.points.checked_mul(best.max(Decimal::from(1)));
        let earns = settings.campaigns || most.is_none_or(|points| points >= Decimal::from(1)) || self.qualifying > 0;
        self.earner = order.link("contact").filter(|_| earns).map(str::to_owned);
        self.basket = Some(basket);
        Ok(self)
    }

    /// The whole amount of the order.
    pub fn total(&self) -> Decimal {
        self.basket.as_ref().map_or(Decimal::ZERO, |basket| basket.total)
    }
}

/// Drafts, cancelled orders, those of nobody, with a total below zero or in another currency earn nothing.
fn may_earn(order: &Record, settings: &Settings) -> bool {
    !matches!(order.text("status"), Some("draft" | "cancelled"))
        && order.link("contact").is_some()
        && order.money("total").is_some_and(|total| !total.amount.is_negative())
        && foreign_currency(order, settings).is_none()
}

/// The day of an order, where a setting looks at days.
fn day_of(moment: Option<&str>, settings: &Settings, day: impl Fn(&str) -> Result<Date, Fault>) -> Result<Date, Fault> {
    moment.filter(|_| looks_at_days(settings)).map_or(Ok(Date::ZERO), day)
}

/// What an order has in it, as far as the settings look at it.
fn basket(id: &str, order: &Record, day: Date, settings: &Settings) -> Result<Basket, Fault> {
    let lines = if settings.looks_at_lines() || settings.campaigns { lines(id)? } else { Vec::new() };
    let channel = match order.link("contact").filter(|_| settings.looks_at_channel()) {
        Some(contact) => {
            records::get("contact", contact)?.and_then(|contact| contact.text("source").map(str::to_owned))
        }
        None => None,
    };
    Ok(Basket {
        day,
        total: order.money("total").map_or(Decimal::ZERO, |total| total.amount),
        items: Decimal::from(order.integer("quantity").unwrap_or_default()),
        channel,
        lines,
    })
}

/// Whether days matter: it takes the time zone to know one.
fn looks_at_days(settings: &Settings) -> bool {
    settings.campaigns
        || settings.starts_on.is_some()
        || settings.pending_for.is_some()
        || settings.expires_after.is_some()
        || settings.tier_window == Window::Year
        || settings.rules.iter().any(|rule| rule.from.is_some() || rule.until.is_some())
}

/// The lines of an order.
fn lines(order: &str) -> Result<Vec<Line>, Fault> {
    lines_of(&[order])
}

/// Lines of some orders, with the code and category of their products.
pub fn lines_of(orders: &[&str]) -> Result<Vec<Line>, Fault> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let query = Query::new().filter(filter::any_of("order", orders.iter().copied())).limit(Query::MOST);
    let records = records::query("order_line", query)?;
    let mut ids: Vec<&str> = records.iter().filter_map(|line| line.link("product")).collect();
    ids.sort_unstable();
    ids.dedup();
    let products = if ids.is_empty() {
        Vec::new()
    } else {
        records::query("product", Query::new().filter(filter::any_of("id", ids)).limit(Query::MOST))?
    };
    let product = |line: &Record| products.iter().find(|product| Some(product.id()) == line.link("product"));
    records.iter().map(|record| line(record, product(record))).collect()
}

fn line(record: &Record, product: Option<&Record>) -> Result<Line, Fault> {
    let text = |field| product.and_then(|product| product.text(field)).map(str::to_owned);
    let quantity = record.decimal("quantity").unwrap_or(Decimal::ZERO);
    let price = record.money("unit_price").map_or(Decimal::ZERO, |price| price.amount);
    let part = Decimal::from(1).checked_sub(record.decimal("discount").unwrap_or(Decimal::ZERO));
    let amount = price.checked_mul(quantity).zip(part).and_then(|(amount, part)| amount.checked_mul(part));
    let amount = amount.ok_or_else(|| Fault::new("points_out_of_range", "A line of the order is too large."))?;
    Ok(Line { product: text("code"), category: text("category"), quantity, amount })
}

#[cfg(test)]
mod tests;
