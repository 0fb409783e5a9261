//! What views say, in English and Chinese.

/// English and Chinese, by the English word.
const WORDS: [(&str, &str); 43] = [
    ("Schedule", "进度计划"),
    ("Task", "任务"),
    ("Start", "开始"),
    ("Finish", "结束"),
    ("Slack", "浮动时间"),
    ("Progress", "进度"),
    ("Critical", "关键"),
    ("Timeline", "时间线"),
    ("Working days", "工作日"),
    ("Percent complete", "完成百分比"),
    ("Tasks on the critical path", "关键路径任务数"),
    ("No tasks yet.", "暂无任务。"),
    ("Only the first 500 tasks are shown.", "仅显示前500个任务。"),
    ("Payment plan", "付款计划"),
    ("Agreed", "合同金额"),
    ("Planned", "计划金额"),
    ("Invoiced", "已开票"),
    ("Received", "已收款"),
    ("Line", "行"),
    ("Trigger", "触发条件"),
    ("Due on", "到期日"),
    ("Amount", "金额"),
    ("Status", "状态"),
    ("No lines yet.", "暂无计划行。"),
    ("Account", "客户"),
    ("Group", "集团"),
    ("Company", "公司"),
    ("Risk score", "风险评分"),
    ("Open engagements", "进行中的项目"),
    ("Open deals", "进行中的商机"),
    ("Open risks", "未关闭的风险"),
    ("Risk", "风险"),
    ("Level", "级别"),
    ("Score", "评分"),
    ("Engagement", "项目"),
    ("Phase", "阶段"),
    ("None.", "无。"),
    ("Engagements", "项目"),
    ("Presale", "售前"),
    ("Sale", "售中"),
    ("Aftersale", "售后"),
    ("Route", "渠道"),
    ("There are more.", "还有更多。"),
];

/// In which language a view speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Chinese,
}

impl Language {
    /// `zh` is Chinese, all else English.
    pub fn of(code: &str) -> Self {
        if code.starts_with("zh") { Self::Chinese } else { Self::English }
    }

    /// An English word in this language.
    pub fn say(self, english: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Chinese => WORDS.iter().find(|(word, _)| *word == english).map_or(english, |(_, chinese)| *chinese),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_said_in_both_languages() {
        assert_eq!(Language::of("zh-CN").say("Sale"), "售中");
        assert_eq!(Language::of("en").say("Sale"), "Sale");
        let mut words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), WORDS.len());
    }
}
