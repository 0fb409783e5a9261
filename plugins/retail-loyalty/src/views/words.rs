//! The words of pages, in English and Chinese.

/// The words in one language.
pub struct Words {
    is_chinese: bool,
}

/// English, and the same in Chinese.
const WORDS: [(&str, &str); 44] = [
    ("Member", "会员"),
    ("No member yet", "尚未成为会员"),
    ("Enrol", "加入会员"),
    ("To spend", "可用积分"),
    ("Pending", "待生效"),
    ("Owed", "欠扣积分"),
    ("Earned in all", "累计积分"),
    ("Spent", "已用积分"),
    ("Expired", "已过期"),
    ("Phase", "阶段"),
    ("presale", "售前"),
    ("sale", "售中"),
    ("aftersale", "售后"),
    ("Purchases", "购买次数"),
    ("Last purchase", "最近购买"),
    ("Days between purchases", "复购间隔（天）"),
    ("Bought most", "消费偏好"),
    ("Nothing yet", "暂无数据"),
    ("Category", "类别"),
    ("Amount", "金额"),
    ("Business", "经营"),
    ("Customers", "客户"),
    ("Finance", "财务"),
    ("Orders by month", "每月订单"),
    ("Month", "月份"),
    ("Orders", "订单"),
    ("Bought again, %", "复购率（%）"),
    ("New members", "新会员"),
    ("Members", "会员数"),
    ("Tiers", "等级"),
    ("No tier", "无等级"),
    ("On cards", "储值卡余额"),
    ("Points outstanding", "未用积分"),
    ("Worth", "折合金额"),
    ("Points by month", "每月积分"),
    ("Kind", "类型"),
    ("Points", "积分"),
    ("earn", "获得"),
    ("adjust", "调整"),
    ("reverse", "撤销"),
    ("refund", "退款扣回"),
    ("redeem", "使用"),
    ("return", "退还"),
    ("expire", "过期"),
];

impl Words {
    /// Those of a language, by its BCP 47 tag; English when it is another.
    pub fn of(language: Option<&str>) -> Self {
        Self { is_chinese: language.is_some_and(|language| language.starts_with("zh")) }
    }

    /// A word in the language; one that is not known stays as it is.
    pub fn get<'a>(&self, word: &'a str) -> &'a str {
        let known = WORDS.iter().find(|(english, _)| self.is_chinese && *english == word);
        known.map_or(word, |(_, chinese)| chinese)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_the_language_that_is_asked_for() {
        assert_eq!(Words::of(Some("zh-CN")).get("Points"), "积分");
        assert_eq!(Words::of(Some("zh")).get("Gold"), "Gold");
        assert_eq!((Words::of(None).get("Points"), Words::of(Some("de")).get("Points")), ("Points", "Points"));
        assert!(WORDS.iter().all(|(english, chinese)| !english.is_empty() && !chinese.is_empty()));
    }
}
