//! The objects that every tenant has, one definition file each.

/// Their definitions, as JSON.
pub const CORE_OBJECTS: [&str; 13] = [
    include_str!("../../model/objects/activity.json"),
    include_str!("../../model/objects/company.json"),
    include_str!("../../model/objects/contact.json"),
    include_str!("../../model/objects/contact_identity.json"),
    include_str!("../../model/objects/conversation.json"),
    include_str!("../../model/objects/file.json"),
    include_str!("../../model/objects/message.json"),
    include_str!("../../model/objects/order.json"),
    include_str!("../../model/objects/order_line.json"),
    include_str!("../../model/objects/product.json"),
    include_str!("../../model/objects/segment.json"),
    include_str!("../../model/objects/tag.json"),
    include_str!("../../model/objects/task.json"),
];
