//! The components, and what each may hold: name, whether it has to be there, and its shape.

/// The shape of a member.
pub enum Shape {
    /// Plain text.
    Text,
    /// A name in lower snake case.
    Name,
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// Text, number, true, false or null.
    Scalar,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A path of this host, or an https address.
    Url,
    /// An action of the module.
    Action,
    /// An object with scalars.
    Values,
    /// An object with these members.
    Object(&'static [Member]),
    /// A list of these.
    List(&'static Shape),
    /// A list of components.
    Components,
}

/// A member of a component.
type Member = (&'static str, bool, Shape);

use Shape::{Action, Components, Flag, List, Name, Number, Object, OneOf, Scalar, Text, Url, Values};

const TONES: Shape = OneOf(&["neutral", "good", "warning", "bad", "info"]);

const CARD: &[Member] = &[
    ("title", true, Text),
    ("text", false, Text),
    ("badge", false, Text),
    ("tone", false, TONES),
    ("href", false, Url),
];

const OPTION: &[Member] = &[("value", true, Scalar), ("label", true, Text)];

const FIELD: &[Member] = &[
    ("name", true, Name),
    ("label", true, Text),
    ("kind", true, OneOf(&["text", "long_text", "number", "boolean", "date", "datetime", "select"])),
    ("value", false, Scalar),
    ("required", false, Flag),
    ("help", false, Text),
    ("options", false, List(&Object(OPTION))),
];

const COLUMN: &[Member] = &[
    ("key", true, Name),
    ("label", true, Text),
    ("kind", false, OneOf(&["text", "number", "money", "date", "datetime", "boolean", "badge", "link"])),
];

const ROW: &[Member] = &[("cells", true, Values), ("href", false, Url), ("tone", false, TONES)];

const POINT: &[Member] = &[("label", true, Text), ("value", true, Number)];

const SERIES: &[Member] = &[("name", true, Text), ("data", true, List(&Object(POINT)))];

const MOMENT: &[Member] =
    &[("at", true, Text), ("title", true, Text), ("text", false, Text), ("tone", false, TONES), ("href", false, Url)];

const LANE: &[Member] = &[("title", true, Text), ("cards", true, List(&Object(CARD)))];

const TAB: &[Member] = &[("title", true, Text), ("children", true, Components)];

/// What a component of this type holds; none when there is no such type.
pub fn shape_of(kind: &str) -> Option<&'static [Member]> {
    Some(match kind {
        "stack" => &[
            ("title", false, Text),
            ("direction", false, OneOf(&["vertical", "horizontal"])),
            ("children", true, Components),
        ],
        "table" => &[
            ("title", false, Text),
            ("columns", true, List(&Object(COLUMN))),
            ("rows", true, List(&Object(ROW))),
            ("empty", false, Text),
        ],
        "form" => &[
            ("title", false, Text),
            ("fields", true, List(&Object(FIELD))),
            ("action", true, Action),
            ("submit", false, Text),
            ("values", false, Values),
        ],
        "board" => &[("title", false, Text), ("lanes", true, List(&Object(LANE)))],
        "timeline" => &[("title", false, Text), ("items", true, List(&Object(MOMENT)))],
        "metric" => &[
            ("label", true, Text),
            ("value", true, Scalar),
            ("unit", false, Text),
            ("change", false, Text),
            ("tone", false, TONES),
        ],
        "chart" => &[
            ("title", false, Text),
            ("kind", true, OneOf(&["bar", "line", "area", "pie"])),
            ("series", true, List(&Object(SERIES))),
            ("unit", false, Text),
        ],
        "text" => &[("text", true, Text), ("style", false, OneOf(&["body", "heading", "small", "code"]))],
        "badge" => &[("text", true, Text), ("tone", false, TONES)],
        "button" => &[
            ("label", true, Text),
            ("action", true, Action),
            ("input", false, Values),
            ("confirm", false, Text),
            ("style", false, OneOf(&["primary", "secondary", "danger"])),
        ],
        "tabs" => &[("tabs", true, List(&Object(TAB)))],
        "link" => &[("label", true, Text), ("href", true, Url)],
        _ => return None,
    })
}
