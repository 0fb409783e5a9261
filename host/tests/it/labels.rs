//! Labels of objects, fields and options in the languages that people read.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::permissions::{role, user};
use crate::schema::{add, project, text};
use crate::support::{Actor, On, TestApp};

both!(
    labels_are_in_the_language_that_is_asked_for
    objects_of_a_module_are_translated
    hidden_fields_stay_hidden_in_every_language
    own_objects_have_translations
    wrong_translations_are_refused
);

const CONTACT: &str = "/api/v1/schema/contact";
const PROJECT: &str = "/api/v1/schema/x.project";

/// An object in the languages that this header asks for, and the language that it came in.
async fn read(actor: &Actor, path: &str, accept: &str) -> (String, Json) {
    let reply = actor.with("accept-language", accept).get(path).await.assert(200);
    assert_eq!(reply.header("vary"), "accept-language", "{accept}");
    (reply.header("content-language").to_owned(), reply.json())
}

fn field<'a>(object: &'a Json, name: &str) -> &'a Json {
    object["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap()
}

async fn labels_are_in_the_language_that_is_asked_for(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let plain = ann.get(CONTACT).await.assert(200);
    assert_eq!((plain.header("content-language"), plain.header("vary")), ("en", "accept-language"));
    let english = plain.json();
    for accept in
        ["zh", "ZH", "zh-CN", "zh-Hans-CN;q=0.5", "fr, zh-CN;q=0.8, en;q=0.7", "*;q=0.9, zh;q=0.1", "en;q=0, zh"]
    {
        let (language, contact) = read(&ann, CONTACT, accept).await;
        assert_eq!(
            (language.as_str(), &contact["label"], &contact["plural"]),
            ("zh", &json!("联系人"), &json!("联系人"))
        );
        let lifecycle = field(&contact, "lifecycle");
        assert_eq!(lifecycle["label"], "生命周期");
        assert_eq!(lifecycle["options"][2], json!({"value": "prospect", "label": "潜在客户"}));
        assert_eq!(field(&contact, "company")["inverse_label"], "联系人");
        // What is not translated stays, and so does all that is no text.
        assert_eq!((&contact["description"], lifecycle["type"].as_str()), (&json!("A person."), Some("select")));
        assert!(contact.get("translations").is_none());
    }
    for accept in ["", "*", "fr", "en", "en-GB, zh;q=0.9", "zh;q=0", "zh-TW, zh;q=0", "zh_CN", "zh;q=2", ";;,"] {
        let (language, contact) = read(&ann, CONTACT, accept).await;
        assert_eq!((language.as_str(), &contact), ("en", &english), "{accept}");
    }
    let (language, all) = read(&ann, "/api/v1/schema", "zh-CN,zh;q=0.9").await;
    assert_eq!((language.as_str(), all["objects"].as_array().unwrap().len()), ("zh", 13));
    let labels: Vec<&str> =
        all["objects"].as_array().unwrap().iter().map(|one| one["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"订单明细") && labels.contains(&"会话"), "{labels:?}");
}

async fn objects_of_a_module_are_translated(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let (language, member) = read(&ann, "/api/v1/schema/loyalty.member", "zh-CN").await;
    assert_eq!((language.as_str(), &member["label"]), ("zh", &json!("会员")));
    assert_eq!(field(&member, "points")["label"], "积分");
    let (language, entry) = read(&ann, "/api/v1/schema/loyalty.entry", "de").await;
    assert_eq!((language.as_str(), &entry["label"]), ("en", &json!("Points entry")));
}

async fn hidden_fields_stay_hidden_in_every_language(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let mut secret = project(&[text("x_title"), text("x_margin")]);
    secret["translations"] = json!({"zh": {"fields": {"x_title": {"label": "标题"}, "x_margin": {"label": "利润"}}}});
    ann.post("/api/v1/schema", &secret).await.assert(201);
    let rules = json!([
        {"objects": ["contact"], "actions": ["read"], "except": ["phone"]},
        {"objects": ["x.project"], "actions": ["read"], "except": ["x_margin"]},
    ]);
    role(&ann, "discreet", rules).await;
    let dora = user(&ann, "dora", json!(["discreet"])).await.at;
    let (language, contact) = read(&dora, CONTACT, "zh").await;
    assert_eq!((language.as_str(), &field(&contact, "email")["label"]), ("zh", &json!("电子邮箱")));
    let names: Vec<_> = contact["fields"].as_array().unwrap().iter().map(|field| field["name"].clone()).collect();
    assert!(!names.contains(&json!("phone")) && !contact.to_string().contains("电话"), "{contact}");
    for accept in ["zh", "en"] {
        let (_, project) = read(&dora, PROJECT, accept).await;
        assert!(!project.to_string().contains("利润") && !project.to_string().contains("x_margin"), "{project}");
        assert_eq!(project["translations"]["zh"]["fields"]["x_title"]["label"], "标题");
    }
}

async fn own_objects_have_translations(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let options = json!([{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]);
    let mut made =
        project(&[text("x_title"), json!({"name": "x_kind", "label": "Kind", "type": "select", "options": options})]);
    let zh = json!({"label": "项目", "fields": {"x_kind": {"label": "类型", "options": {"a": "甲"}}}});
    made["translations"] = json!({ "zh": zh });
    ann.post("/api/v1/schema", &made).await.assert(201);
    let (language, read_back) = read(&ann, PROJECT, "zh-CN").await;
    assert_eq!(
        (language.as_str(), &read_back["label"], &read_back["plural"]),
        ("zh", &json!("项目"), &json!("Projects"))
    );
    assert_eq!(field(&read_back, "x_title")["label"], "x_title");
    let kind = field(&read_back, "x_kind");
    assert_eq!((&kind["label"], &kind["options"][0]["label"]), (&json!("类型"), &json!("甲")));
    assert_eq!(kind["options"][1]["label"], "B");
    assert_eq!(read_back["translations"], json!({ "zh": zh }));

    // Each object comes in the best language that it has.
    let german = json!({"translations": {"de": {"label": "Vorhaben"}, "zh": zh}});
    let changed = ann.patch(PROJECT, &german).await.assert(200).json();
    assert_eq!(changed["object"]["label"], "Project");
    let (language, all) = read(&ann, "/api/v1/schema", "de, zh;q=0.5").await;
    assert_eq!(language, "de, zh");
    let label = |name: &str| {
        all["objects"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["label"].clone()
    };
    assert_eq!((label("x.project"), label("contact")), (json!("Vorhaben"), json!("联系人")));

    // A field that is retired keeps its words; one that is added to others' objects has one label.
    ann.patch(&format!("{PROJECT}/fields/x_kind"), &json!({"retired": true})).await.assert(200);
    ann.patch(&format!("{PROJECT}/fields/x_kind"), &json!({"retired": false})).await.assert(200);
    assert_eq!(field(&read(&ann, PROJECT, "zh").await.1, "x_kind")["label"], "类型");
    add(&ann, "contact", json!({"name": "x_level", "label": "Level", "type": "text"})).await;
    let (_, contact) = read(&ann, CONTACT, "zh").await;
    assert_eq!(
        (&field(&contact, "x_level")["label"], &field(&contact, "name")["label"]),
        (&json!("Level"), &json!("姓名"))
    );

    ann.patch(PROJECT, &json!({"translations": {}})).await.assert(200);
    let (language, plain) = read(&ann, PROJECT, "zh").await;
    assert_eq!((language.as_str(), &plain["label"]), ("en", &json!("Project")));
    assert!(plain.get("translations").is_none());
    sam.get(PROJECT).await.problem(404, "unknown_object");
}

async fn wrong_translations_are_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let kind = json!({"name": "x_kind", "label": "Kind", "type": "select", "options": [{"value": "a", "label": "A"}]});
    let fields = [text("x_title"), kind];
    let wrong = [
        (json!({"zh": {"fields": {"x_tilte": {"label": "标题"}}}}), "translation `zh`: there is no field `x_tilte`"),
        (json!({"zh": {"fields": {"x_kind": {"options": {"b": "乙"}}}}}), "`x_kind` has no option `b`"),
        (json!({"zh": {"fields": {"x_title": {"label": " "}}}}), "translation `zh`: `label` of the field `x_title`"),
        (json!({"zh": {"label": ""}}), "translation `zh`: `label` is empty"),
        (json!({"中文": {"label": "项目"}}), "`中文` is no language"),
        (json!({"ZH": {"label": "项目"}}), "`ZH` is no language"),
        (json!({"zh": {"title": "项目"}}), "unknown field `title`"),
        (json!({"zh": {"fields": {"x_title": "标题"}}}), "invalid type"),
        (json!(["zh"]), "invalid type"),
        (json!(null), "invalid type"),
    ];
    for (translations, message) in &wrong {
        let mut definition = project(&fields);
        definition["translations"] = translations.clone();
        let problem = ann.post("/api/v1/schema", &definition).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "invalid_definition", "{translations}");
        assert!(problem.to_string().contains(message), "{problem}");
    }
    ann.post("/api/v1/schema", &project(&fields)).await.assert(201);
    for (translations, message) in &wrong {
        let problem =
            ann.patch(PROJECT, &json!({"translations": translations})).await.problem(422, "validation_failed");
        assert!(problem.to_string().contains(message), "{problem}");
    }
    // Only what is one's own has words of one's own.
    ann.patch(CONTACT, &json!({"translations": {"de": {"label": "Kontakt"}}})).await.problem(404, "not_found");
    let mut level = text("x_level");
    level["translations"] = json!({"zh": {"label": "等级"}});
    ann.post(&format!("{CONTACT}/fields"), &level).await.problem(422, "validation_failed");
}

/// The definition files of the core and of all modules of this repository.
fn shipped() -> Vec<PathBuf> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let modules = entries(host.join("../plugins")).map(|module| module.join("objects"));
    std::iter::once(host.join("model/objects")).chain(modules).flat_map(entries).collect()
}

/// What a definition does not say in Chinese.
fn missing(definition: &Json) -> Vec<String> {
    let zh = &definition["translations"]["zh"];
    let is_said = |text: &Json| text.as_str().is_some_and(|text| !text.trim().is_empty());
    let mut wanted = vec![("label".to_owned(), &zh["label"]), ("plural".to_owned(), &zh["plural"])];
    for field in definition["fields"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        let said = &zh["fields"][name];
        wanted.push((name.to_owned(), &said["label"]));
        if field.get("inverse_label").is_some() {
            wanted.push((format!("{name}.inverse_label"), &said["inverse_label"]));
        }
        for option in field["options"].as_array().into_iter().flatten() {
            let value = option["value"].as_str().unwrap();
            wanted.push((format!("{name}.{value}"), &said["options"][value]));
        }
    }
    wanted.into_iter().filter(|(_, text)| !is_said(text)).map(|(what, _)| what).collect()
}

#[test]
fn every_shipped_definition_is_complete_in_chinese() {
    let files = shipped();
    assert!(files.len() >= 61, "{}", files.len());
    for file in files {
        let definition: Json = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(missing(&definition), Vec::<String>::new(), "{}", file.display());
    }
}
