//! The earned value of an engagement up to a day.

use b2b_rules::earned::{Estimate, Figures, Planned, Work};
use b2b_rules::number::{minor, money, rounded, rounded_to, units};
use b2b_rules::pages;
use guildhall_sdk::{Fault, Record, Value, filter, json};
use num_rational::BigRational;

use crate::read;
use crate::settings::Settings;

/// Digits behind the point of an index.
const DIGITS: u32 = 7;

/// The action.
pub fn run(input: &Value) -> Result<Value, Fault> {
    let id = read::text(input, "engagement").unwrap_or_default();
    let engagement = read::need("b2b.engagement", id)?;
    let on = match read::day(input, "on")? {
        Some(day) => day,
        None => read::today()?,
    };
    let planned = match read::text(input, "planned") {
        Some("at_finish") => Planned::AtFinish,
        _ => Planned::Linear,
    };
    let tasks = pages::all("b2b.task", &filter::eq("engagement", id))?;
    let spent = filter::and([filter::eq("engagement", id), filter::lte("spent_on", on.to_string())]);
    let costs = pages::all("b2b.cost", &spent)?;
    let currency = currency(&engagement, &tasks, &costs)?;
    let works: Vec<Work> = tasks.iter().map(|task| work(task, &currency)).collect::<Result<_, Fault>>()?;
    let mut spent = 0;
    for cost in &costs {
        spent += amount(cost, "amount", &currency)?;
    }
    let calendar = Settings::get()?.calendar()?;
    let figures = Figures::of(&works, spent, on, &calendar, planned);
    Ok(answer(&figures, &on.to_string(), &currency))
}

/// The currency of the budget, or of whatever has one.
fn currency(engagement: &Record, tasks: &[Record], costs: &[Record]) -> Result<String, Fault> {
    let budgets = tasks.iter().filter_map(|task| task.money("budget"));
    let amounts = costs.iter().filter_map(|cost| cost.money("amount"));
    let mut all = engagement.money("budget").into_iter().chain(budgets).chain(amounts);
    all.next().map(|money| money.currency).ok_or_else(|| {
        Fault::new("no_budget", "Earned value needs budgets: neither the engagement nor its tasks have one.")
    })
}

fn amount(record: &Record, field: &str, currency: &str) -> Result<i128, Fault> {
    let Some(amount) = record.money(field) else { return Ok(0) };
    if amount.currency != currency {
        return Err(
            Fault::new("other_currency", format!("{amount} is not in {currency}.")).with_detail("id", record.id())
        );
    }
    minor(&amount)
}

/// A task as a piece of work. A cancelled one is none.
fn work(task: &Record, currency: &str) -> Result<Work, Fault> {
    let status = task.text("status");
    let progress = task.decimal("progress").and_then(|progress| units(progress, 2)).unwrap_or_default();
    let budget = amount(task, "budget", currency)?;
    Ok(Work {
        budget: if status == Some("cancelled") { 0 } else { budget },
        progress: if status == Some("completed") { 10_000 } else { progress },
        plan: read::day_of(task, "planned_start").zip(read::day_of(task, "planned_finish")),
    })
}

/// Amounts to the minor unit and indices to seven digits, halves to the even side; what would divide by zero is null.
fn answer(figures: &Figures, on: &str, currency: &str) -> Value {
    let amount = |number: &BigRational| rounded(number).map(|minor| Value::from(money(minor, currency)));
    let index = |number: Option<BigRational>| number.and_then(|number| rounded_to(&number, DIGITS));
    let estimate = |estimate: Option<Estimate>| match estimate {
        None => Value::Null,
        Some(estimate) => json!({
            "eac": amount(&estimate.at_completion),
            "etc": amount(&estimate.to_complete),
            "vac": amount(&estimate.variance),
            "tcpi": index(estimate.performance),
        }),
    };
    json!({
        "on": on,
        "bac": amount(&figures.bac),
        "pv": amount(&figures.pv),
        "ev": amount(&figures.ev),
        "ac": amount(&figures.ac),
        "cv": amount(&figures.cost_variance()),
        "sv": amount(&figures.schedule_variance()),
        "cpi": index(figures.cost_performance()),
        "spi": index(figures.schedule_performance()),
        "tcpi": index(figures.to_complete_performance()),
        "typical": estimate(figures.typical()),
        "atypical": estimate(Some(figures.atypical())),
        "combined": estimate(figures.combined()),
    })
}
