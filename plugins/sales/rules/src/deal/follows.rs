//! The fields that follow from a change of a deal.

use guildhall_sdk::{Fault, Record, Value};

use super::pipeline::{Pipeline, Stage};
use super::settle::Facts;
use super::step::{HistoryLine, Kind};
use super::worth::weighted;
use crate::due;
use crate::moment::Moment;

/// The fields that follow from a change.
pub struct Follows<'a> {
    pub before: Option<&'a Record>,
    pub after: &'a Record,
    pub pipeline: &'a Pipeline,
    pub stage: &'a Stage,
    pub status: &'a str,
    pub history: &'a [HistoryLine],
    pub facts: &'a Facts<'a>,
}

impl Follows<'_> {
    /// All of them.
    pub fn fields(&self) -> Result<Record, Fault> {
        let (probability, category) = self.prospects()?;
        let mut fields = Record::new()
            .set("probability", probability)
            .set("forecast_category", category)
            .set("weighted", self.weighted(probability)?);
        // Who may change a deal, and sees no stages, changes it where it is.
        for (link, id) in [("pipeline", &self.pipeline.id), ("stage", &self.stage.id)] {
            if self.after.link(link) != Some(id) {
                fields = fields.set(link, id.as_str());
            }
        }
        if self.before.is_none_or(|before| before.value("owner") != self.after.value("owner")) {
            let team = self.after.link("owner").and_then(|owner| self.facts.teams.get(owner));
            fields = fields.set("team", team.map(String::as_str));
        }
        let now = self.facts.now;
        let enters = self.history.iter().any(|line| !matches!(line.kind, Kind::Won | Kind::Lost));
        let entered = if enters { Some(now) } else { self.moment("stage_entered_at") };
        let is_open = self.status == "open";
        let stage_due =
            entered.zip(self.stage.max_days).map(|(entered, days)| entered.plus_days(days)).filter(|_| is_open);
        fields = fields
            .set("stage_entered_at", entered.map(|at| at.to_string()))
            .set("stage_due_at", stage_due.map(|at| at.to_string()));
        if !self.history.is_empty() {
            fields = self.closing(fields);
        }
        let reopens = self.history.iter().any(|line| line.kind == Kind::Reopened);
        if reopens {
            fields = fields.set("lost_reason", ()).set("lost_note", ());
        }
        let dues = if is_open { due::of_deal(self.after, stage_due) } else { Vec::new() };
        Ok(fields.set("next_due_at", due::next(&dues, self.after).map(|at| at.to_string())))
    }

    /// Probability and category: the stage's, when the deal comes there and says nothing else.
    fn prospects(&self) -> Result<(i64, &str), Fault> {
        match self.status {
            "won" => return Ok((100, "closed")),
            "lost" => return Ok((0, "omitted")),
            _ => {}
        }
        let enters = !self.history.is_empty();
        let is_said = |field| match self.before {
            Some(before) => !enters || before.value(field) != self.after.value(field),
            None => true,
        };
        let probability = self.after.integer("probability").filter(|_| is_said("probability"));
        let category = self.after.text("forecast_category").filter(|_| is_said("forecast_category"));
        if category == Some("closed") {
            let message = "Only a deal that is won is in the category `closed`.";
            return Err(Fault::new("not_closed", message).with_detail("field", "forecast_category"));
        }
        Ok((probability.unwrap_or(self.stage.probability), category.unwrap_or(&self.stage.category)))
    }

    fn weighted(&self, probability: i64) -> Result<Value, Fault> {
        let Some(amount) = self.after.money("amount") else { return Ok(Value::Null) };
        let too_large = || Fault::new("amount_too_large", "The amount is too large to be weighted.");
        weighted(amount.amount, probability).map(Value::from).ok_or_else(too_large)
    }

    /// When the deal was closed, won and lost.
    fn closing(&self, fields: Record) -> Record {
        let at = (self.status != "open").then(|| self.closed_at());
        let text = |at: Option<Moment>| at.map(|at| at.to_string());
        let begun = self.moment("created_at").unwrap_or(self.facts.now);
        fields
            .set("closed_at", text(at))
            .set("won_at", text(at.filter(|_| self.status == "won")))
            .set("lost_at", text(at.filter(|_| self.status == "lost")))
            // Of what was closed before it came in, nobody knows how long it took.
            .set("cycle_seconds", at.filter(|at| *at >= begun).map(|at| at.seconds_since(begun)))
    }

    /// Now; of a deal that comes in closed, such as from an import, the day that it says.
    fn closed_at(&self) -> Moment {
        let said = self.after.date("close_date").and_then(|day| day.parse().ok()).map(Moment::midnight);
        said.filter(|at| self.before.is_none() && *at < self.facts.now).unwrap_or(self.facts.now)
    }

    fn moment(&self, field: &str) -> Option<Moment> {
        self.after.datetime(field)?.parse().ok()
    }
}
