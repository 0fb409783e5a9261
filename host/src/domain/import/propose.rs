//! Which field a column goes to: by its name, its label, words that people
//! use for it, and what its values look like.

use super::Column;
use crate::domain::field::{Field, FieldType};
use crate::domain::object::Object;
use crate::domain::schema::Schema;

/// Words for common fields, in the form of [`folded`].
const WORDS: &[(&str, &[&str])] = &[
    (
        "name",
        &[
            "fullname",
            "contactname",
            "displayname",
            "customername",
            "companyname",
            "title",
            "姓名",
            "名字",
            "名称",
            "客户名称",
            "客户",
            "联系人",
            "公司名称",
        ],
    ),
    ("email", &["mail", "emailaddress", "邮箱", "电子邮箱", "电子邮件", "邮件", "邮箱地址"]),
    (
        "phone",
        &[
            "tel",
            "telephone",
            "phonenumber",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "电话",
            "手机",
            "手机号",
            "手机号码",
            "电话号码",
            "联系电话",
            "移动电话",
        ],
    ),
    (
        "company",
        &[
            "organization",
            "organisation",
            "org",
            "account",
            "accountname",
            "employer",
            "公司",
            "单位",
            "公司名称",
            "企业",
            "所属公司",
        ],
    ),
    ("city", &["town", "location", "城市", "所在城市"]),
    ("birthday", &["birthdate", "dateofbirth", "dob", "bday", "生日", "出生日期"]),
    ("note", &["notes", "comment", "comments", "remark", "remarks", "description", "备注", "说明", "描述"]),
    (
        "external_id",
        &[
            "externalid",
            "recordid",
            "customerid",
            "customerno",
            "customernumber",
            "contactid",
            "uid",
            "编号",
            "客户编号",
            "外部编号",
        ],
    ),
    ("url", &["website", "web", "homepage", "网址", "网站"]),
    ("address", &["street", "地址"]),
    ("status", &["state", "stage", "状态"]),
    ("quantity", &["qty", "count", "数量"]),
    ("total", &["amount", "sum", "金额", "总额", "总价"]),
];

/// Whether a field fits a column.
type Fits = fn(&Field, &Column) -> bool;

/// Proposes a field for each column; a field goes to one column only.
pub fn propose(schema: &Schema, object: &Object, columns: &mut [Column]) {
    let mut taken: Vec<String> = Vec::new();
    let free = |taken: &[String], field: &Field| !field.def.read_only && !taken.iter().any(|name| name == field.name());
    let ways: [Fits; 3] = [by_name, by_word, by_shape];
    for fits in ways {
        for column in columns.iter_mut().filter(|column| column.field.is_none()) {
            let field = object.fields.iter().find(|field| free(&taken, field) && fits(field, column));
            if let Some(field) = field {
                taken.push(field.name().to_owned());
                column.field = Some(field.name().to_owned());
            }
        }
    }
    for column in columns {
        let field = column.field.as_ref().and_then(|name| object.position(name)).map(|at| &object.fields[at]);
        if let Some(Field { kind: FieldType::Link(to), .. }) = field {
            let is_id = column.samples.iter().all(|sample| uuid::Uuid::parse_str(sample).is_ok());
            let has = |name: &str| schema.object(to).is_some_and(|object| object.position(name).is_some());
            let is_code = column.samples.iter().all(|sample| sample.chars().any(|c| c.is_ascii_digit()));
            column.match_by = match () {
                () if is_id && !column.samples.is_empty() => None,
                () if is_code && has("external_id") => Some("external_id".to_owned()),
                () if has("name") => Some("name".to_owned()),
                () => None,
            };
        }
    }
}

/// A name without what writers differ in.
pub fn folded(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

fn by_name(field: &Field, column: &Column) -> bool {
    let name = folded(&column.name);
    name == folded(field.name()) || name == folded(&field.def.label)
}

fn by_word(field: &Field, column: &Column) -> bool {
    let name = folded(&column.name);
    WORDS.iter().any(|(known, words)| *known == field.name() && words.contains(&name.as_str()))
}

fn by_shape(field: &Field, column: &Column) -> bool {
    let all = |holds: fn(&str) -> bool| !column.samples.is_empty() && column.samples.iter().all(|sample| holds(sample));
    match field.kind.opened() {
        FieldType::Email => all(|text| text.split_once('@').is_some_and(|(_, domain)| domain.contains('.'))),
        FieldType::Phone => all(|text| {
            let digits = text.chars().filter(char::is_ascii_digit).count();
            (7..=15).contains(&digits)
                && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '/' | '.'))
                && (text.starts_with(['+', '(']) || text.contains([' ', '-', '/']) || digits >= 10)
                && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_err()
        }),
        FieldType::Url => all(|text| text.starts_with("http://") || text.starts_with("https://")),
        _ => false,
    }
}
