//! What the module writes itself, in the tenant's language.

/// A text in English and in Chinese.
pub type Text = (&'static str, &'static str);

/// The text in a language; English unless it is `zh`.
pub fn of(text: Text, language: &str) -> &'static str {
    if language == "zh" { text.1 } else { text.0 }
}

/// What falls due, by the field that says when.
pub fn due(kind: &str, language: &str) -> &'static str {
    let text = match kind {
        "close_date" => ("Close date", "预计成交日到期"),
        "next_step_at" => ("Next step", "下一步到期"),
        "stage_due_at" => ("Too long in this stage", "阶段停留超时"),
        "respond_by" => ("Respond to the new lead", "请回复新线索"),
        _ => ("Follow up", "请跟进"),
    };
    of(text, language)
}

/// A stage that a new tenant has: name, probability, category, focus and resources, and what it asks for.
pub struct UsualStage {
    pub name: Text,
    pub probability: i64,
    pub category: &'static str,
    pub focus: Text,
    pub resources: Text,
    pub entry: &'static [&'static str],
    pub max_days: i64,
}

/// The name of the pipeline that a new tenant has.
pub const PIPELINE: Text = ("Sales pipeline", "销售管道");

/// Its stages.
pub const STAGES: [UsualStage; 5] = [
    UsualStage {
        name: ("Appointment scheduled", "已约见"),
        probability: 20,
        category: "pipeline",
        focus: ("Who they are and what they need", "了解客户与需求"),
        resources: ("The seller", "销售"),
        entry: &[],
        max_days: 14,
    },
    UsualStage {
        name: ("Qualified to buy", "已确认购买资格"),
        probability: 40,
        category: "pipeline",
        focus: ("Need, budget, time and who decides", "需求、预算、时间与决策人"),
        resources: ("The seller", "销售"),
        entry: &[],
        max_days: 21,
    },
    UsualStage {
        name: ("Presentation scheduled", "已安排演示"),
        probability: 60,
        category: "upside",
        focus: ("What our offer is worth to them", "展示方案的价值"),
        resources: ("The seller and a presales engineer", "销售与售前工程师"),
        entry: &["amount"],
        max_days: 21,
    },
    UsualStage {
        name: ("Decision maker bought in", "决策人认可"),
        probability: 80,
        category: "best_case",
        focus: ("Terms, risks and the way to a decision", "条款、风险与决策流程"),
        resources: ("The seller and the head of sales", "销售与销售主管"),
        entry: &["amount", "close_date"],
        max_days: 30,
    },
    UsualStage {
        name: ("Contract sent", "已发合同"),
        probability: 90,
        category: "commit",
        focus: ("Signing", "签约"),
        resources: ("The seller and legal counsel", "销售与法务"),
        entry: &["amount", "close_date"],
        max_days: 30,
    },
];
