//! Pipelines and their stages, as they are stored.

use guildhall_sdk::{Fault, Record};

use crate::gate::{self, Criterion};

/// A step of a pipeline.
#[derive(Debug, Clone)]
pub struct Stage {
    pub id: String,
    pub position: i64,
    pub probability: i64,
    pub category: String,
    pub max_days: Option<i64>,
    pub entry: Vec<Criterion>,
    pub exit: Vec<Criterion>,
}

/// The stages that deals of one kind go through, in their order.
#[derive(Debug, Clone)]
pub struct Pipeline {
    pub id: String,
    pub position: i64,
    pub is_active: bool,
    pub is_sequential: bool,
    pub currency: Option<String>,
    pub stages: Vec<Stage>,
}

/// All pipelines of a tenant, in their order.
#[derive(Debug, Clone, Default)]
pub struct Pipelines(Vec<Pipeline>);

impl Stage {
    /// As it is stored; criteria that are none are refused.
    pub fn read(record: &Record) -> Result<Self, Fault> {
        Ok(Self {
            id: record.id().to_owned(),
            position: record.integer("position").unwrap_or_default(),
            probability: record.integer("probability").unwrap_or_default(),
            category: record.text("forecast_category").unwrap_or("pipeline").to_owned(),
            max_days: record.integer("max_days"),
            entry: gate::criteria(record, "entry_criteria")?,
            exit: gate::criteria(record, "exit_criteria")?,
        })
    }
}

impl Pipelines {
    /// From records of both objects.
    pub fn read(pipelines: &[Record], stages: &[Record]) -> Result<Self, Fault> {
        let mut all = Vec::with_capacity(pipelines.len());
        for record in pipelines {
            let of_it = stages.iter().filter(|stage| stage.link("pipeline") == Some(record.id()));
            let mut stages = of_it.map(Stage::read).collect::<Result<Vec<_>, _>>()?;
            stages.sort_by(|one, other| (one.position, &one.id).cmp(&(other.position, &other.id)));
            all.push(Pipeline {
                id: record.id().to_owned(),
                position: record.integer("position").unwrap_or_default(),
                is_active: record.boolean("active").unwrap_or(true),
                is_sequential: record.boolean("sequential").unwrap_or_default(),
                currency: record.text("currency").map(str::to_owned),
                stages,
            });
        }
        all.sort_by(|one, other| (one.position, &one.id).cmp(&(other.position, &other.id)));
        Ok(Self(all))
    }

    /// The pipeline with this id.
    pub fn get(&self, id: &str) -> Option<&Pipeline> {
        self.0.iter().find(|pipeline| pipeline.id == id)
    }

    /// The pipeline that a deal is in: the one it names, that of its stage, or the first that takes deals.
    pub fn of(&self, deal: &Record) -> Result<&Pipeline, Fault> {
        let unknown = |field: &str| {
            Fault::new("unknown_stage", format!("The deal's {field} is not there.")).with_detail("field", field)
        };
        let of_stage = deal.link("stage").map(|stage| {
            self.0.iter().find(|pipeline| pipeline.stage(stage).is_some()).ok_or_else(|| unknown("stage"))
        });
        match (deal.link("pipeline"), of_stage) {
            (Some(id), _) => self.get(id).ok_or_else(|| unknown("pipeline")),
            (None, Some(of_stage)) => of_stage,
            (None, None) => {
                self.0.iter().find(|pipeline| pipeline.is_active && !pipeline.stages.is_empty()).ok_or_else(|| {
                    Fault::new("no_pipeline", "There is no active pipeline with a stage that could take the deal.")
                })
            }
        }
    }
}

impl Pipeline {
    /// The stage with this id.
    pub fn stage(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == id)
    }

    /// The place of a stage among its kin.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.id == id)
    }
}
