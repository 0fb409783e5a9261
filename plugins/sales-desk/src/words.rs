//! The words of views, in English and Chinese.

use guildhall_sdk::{Decimal, Record, Value};
use sales_rules::exact;
use sales_rules::moment::DAY;

/// A word in English and in Chinese.
pub type Word = (&'static str, &'static str);

pub const STAGE: Word = ("Stage", "阶段");
pub const DAYS: Word = ("Days", "天数");
pub const HISTORY: Word = ("History", "历史");
pub const WON: Word = ("Won", "赢单");
pub const LOST: Word = ("Lost", "输单");
pub const DEALS: Word = ("Deals", "商机");
pub const OPEN_DEALS: Word = ("Open deals", "进行中的商机");
pub const WEIGHTED: Word = ("Weighted", "加权金额");
pub const AMOUNT: Word = ("Amount", "金额");
pub const EXPECTED: Word = ("Expected", "预计收入");
pub const PERIOD: Word = ("Month", "月份");
pub const CURRENCY: Word = ("Currency", "币种");
pub const WIN_RATE: Word = ("Win rate", "赢单率");
pub const FORECAST: Word = ("Forecast", "销售预测");
pub const REASONS: Word = ("Lost because of", "输单原因");
pub const REPORT: Word = ("Sales report", "销售报表");
pub const MORE: Word = ("and more", "更多");

/// The language of a view: `lang=zh`, or English.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    is_chinese: bool,
}

impl Words {
    pub fn of(params: &Value) -> Self {
        Self { is_chinese: params["lang"].as_str().is_some_and(|lang| lang.starts_with("zh")) }
    }

    pub fn say(self, word: Word) -> &'static str {
        if self.is_chinese { word.1 } else { word.0 }
    }

    /// The name of a stage or a pipeline.
    pub fn name(self, record: &Record) -> String {
        let chinese = record.text("name_zh").filter(|_| self.is_chinese);
        chinese.or(record.text("name")).unwrap_or_default().to_owned()
    }

    /// What happened to a deal.
    pub fn kind(self, kind: &str) -> &'static str {
        self.say(match kind {
            "entered" => ("Entered", "进入"),
            "forward" => ("Forward", "前进"),
            "backward" => ("Back", "退回"),
            "moved" => ("Moved", "转入"),
            "won" => WON,
            "lost" => LOST,
            _ => ("Reopened", "重新打开"),
        })
    }

    /// Why a deal was lost.
    pub fn reason(self, reason: &str) -> &'static str {
        self.say(match reason {
            "price" => ("Price", "价格"),
            "competitor" => ("Competitor", "竞争对手"),
            "no_budget" => ("No budget", "没有预算"),
            "no_decision" => ("No decision", "未作决定"),
            "timing" => ("Timing", "时机"),
            "product" => ("Product", "产品不符"),
            "no_contact" => ("Contact lost", "失去联系"),
            "other" => ("Other", "其他"),
            _ => ("Not said", "未说明"),
        })
    }
}

/// Seconds as days, with one digit.
pub fn days(seconds: i64) -> String {
    let days = exact::divide(Decimal::from(seconds), Decimal::from(DAY), 1);
    days.map(|days| days.to_string()).unwrap_or_default()
}
