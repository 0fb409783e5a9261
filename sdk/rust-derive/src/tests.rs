//! The macro as a function of tokens: what it makes, and what it says of what it cannot use.

use crate::expand::expand;

fn made(source: &str) -> String {
    expand(source.parse().unwrap()).unwrap().to_string()
}

fn refused(source: &str) -> String {
    expand(source.parse().unwrap()).unwrap_err().to_string()
}

#[test]
fn each_field_is_read_and_written_under_its_name() {
    let made = made(
        r#"#[record(object = "loyalty.member")]
        struct Member { id: String, version: Option<i64>, points: i64, #[record(field = "x_level")] level: String, r#type: bool }"#,
    );
    assert!(made.contains(r#"OBJECT : & 'static str = "loyalty.member""#), "{made}");
    for name in ["id", "version", "points", "x_level", "type"] {
        assert!(made.contains(&format!("OBJECT , \"{name}\"")), "{name}: {made}");
    }
    // What the host sets is not written.
    for (name, is_written) in [("id", false), ("version", false), ("points", true), ("x_level", true), ("type", true)] {
        assert_eq!(made.contains(&format!("(record , \"{name}\"")), is_written, "{name}: {made}");
    }
}

#[test]
fn what_cannot_be_used_is_said_in_plain_words() {
    let contact = |fields: &str| format!("#[record(object = \"contact\")] struct Contact {{ {fields} }}");
    for (source, said) in [
        (
            "struct Contact { name: String }".to_owned(),
            r#"say which object its records are of: `#[record(object = "contact")]`"#,
        ),
        (
            "#[record(object = \"a\")] enum Contact { A }".to_owned(),
            "`Contact` is no struct: a typed record is one, with named fields",
        ),
        ("#[record(object = \"a\")] struct Contact(String);".to_owned(), "the fields of `Contact` need names"),
        ("#[record(object = \"a\")] struct Contact;".to_owned(), "the fields of `Contact` need names"),
        ("#[record(object = \"a\")] struct Contact<'a> { name: &'a str }".to_owned(), "takes no parameters"),
        ("#[record(object = \"a\", object = \"b\")] struct Contact {}".to_owned(), "`object` is given twice"),
        ("#[record(object = 1)] struct Contact {}".to_owned(), "expected string literal"),
        (
            "#[record(table = \"a\")] struct Contact {}".to_owned(),
            r#"a struct takes `#[record(object = "...")]` and nothing else"#,
        ),
        (
            "#[record(object = \"Contact\")] struct Contact {}".to_owned(),
            "`Contact` is no name of an object; one looks like `contact`",
        ),
        ("#[record(object = \"a.b.c\")] struct Contact {}".to_owned(), "`a.b.c` is no name of an object"),
        (
            contact("#[record(name = \"a\")] name: String"),
            r#"a field takes `#[record(field = "...")]` and nothing else"#,
        ),
        (
            contact("#[record(field = \"Name\")] name: String"),
            "`Name` is no name of a record's field: one is in lower case",
        ),
        (contact("firstName: String"), "`firstName` is no name of a record's field"),
        (
            contact("name: String, #[record(field = \"name\")] other: String"),
            "`name` and `other` are both the record's field `name`",
        ),
    ] {
        let message = refused(&source);
        assert!(message.contains(said), "{source}: {message}");
    }
}
