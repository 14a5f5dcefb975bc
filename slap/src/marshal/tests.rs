use buildout_core::value::{Value, literal};

use super::*;

fn value(text: &str) -> Value {
    literal::parse(text).expect(text)
}

#[test]
fn values_are_written_and_read_back() {
    for (python, xml) in [
        ("None", "<none/>"),
        ("True", "<bool>1</bool>"),
        ("False", "<bool>0</bool>"),
        ("-5", "<int>-5</int>"),
        (
            "999999999999999983222783",
            "<int>999999999999999983222783</int>",
        ),
        (
            "999999999999999983222784",
            "<long>999999999999999983222784</long>",
        ),
        (
            "-999999999999999983222784",
            "<long>-999999999999999983222784</long>",
        ),
        ("1.5", "<float>1.5</float>"),
        ("1e22", "<float>1e+22</float>"),
        ("''", "<string></string>"),
        (
            "'<a&b>\"\\''",
            "<string>&amp;lt;a&amp;amp;b&amp;gt;\"'</string>",
        ),
        (
            "'é\\r\\n\\t\u{1f600}'",
            "<string>&#233;&#13;\n\t&#128512;</string>",
        ),
        ("'&amp;lt;'", "<string>&amp;amp;amp;lt;</string>"),
        ("()", "<tuple/>"),
        ("(1, 'x')", "<tuple><int>1</int><string>x</string></tuple>"),
        ("[]", "<list id=\"i2\"/>"),
        (
            "[[], ([],), {}]",
            "<list id=\"i2\"><list id=\"i3\"/><tuple><list id=\"i4\"/></tuple>\
             <dictionary id=\"i5\"/></list>",
        ),
        ("{1}", "<set id=\"i2\"><int>1</int></set>"),
        (
            "{'a': 1, 'b': {}}",
            "<dictionary id=\"i2\"><string>a</string><int>1</int><string>b</string>\
             <dictionary id=\"i3\"/></dictionary>",
        ),
    ] {
        let value = value(python);
        let document = format!("<marshal>{xml}</marshal>");
        assert_eq!(dumps(&value).expect(python), document);
        let back = loads(&document).expect(python);
        assert_eq!(back.repr(), value.repr(), "{python}");
    }
}

#[test]
fn keys_are_sorted_by_value_or_else_by_repr() {
    for (python, order) in [
        ("{'b': 0, 'a': 0, 'B': 0}", "B a b"),
        ("{10: 0, 9: 0, 1.5: 0, True: 0}", "True 1.5 9 10"),
        ("{10: 0, '9': 0, None: 0}", "'9' 10 None"),
    ] {
        let text = dumps(&value(python)).expect(python);
        let Value::Dict(dict) = loads(&text).expect(python) else {
            panic!("{text}");
        };
        let keys: Vec<_> = dict.keys().map(Value::repr).collect();
        assert_eq!(
            keys.join(" ").replace('\'', ""),
            order.replace('\'', ""),
            "{python}"
        );
    }
}

#[test]
fn what_has_no_form_is_refused() {
    for (python, message) in [
        ("frozenset()", "Refusing to marshall builtins.frozenset"),
        (
            "b'\\xff'",
            "bytes that are no UTF-8 cannot be sent to the master",
        ),
        (
            "['\\x00']",
            "All strings must be XML compatible: Unicode or ASCII, no NULL bytes or control \
             characters",
        ),
    ] {
        assert_eq!(
            dumps(&value(python)).expect_err(python).to_string(),
            message
        );
    }
    let deep = (0..=100).fold(Value::None, |inner, _| Value::Tuple(vec![inner]));
    assert_eq!(dumps(&deep), Err(MarshalError::TooDeep));
}

#[test]
fn namespaces_and_old_names_are_accepted() {
    let text = "<?xml version=\"1.0\"?>\n<m:marshal xmlns:m=\"urn:x\">\n <m:list id=\"i2\">\n  \
                <m:unicode>é &amp;gt;</m:unicode>\n  <m:none> </m:none><m:int> 3 </m:int>\n \
                </m:list>\n</m:marshal>";
    assert_eq!(loads(text).expect("it is one").repr(), "['é >', None, 3]");
}

#[test]
fn references_lead_to_what_was_there() {
    let text = "<marshal><list id=\"i2\"><dictionary id=\"i3\"><string>a</string>\
                <list id=\"i4\"/></dictionary><reference id=\"i3\"/><reference id=\"i4\"/></list>\
                </marshal>";
    assert_eq!(
        loads(text).expect("it is one").repr(),
        "[{'a': []}, {'a': []}, []]"
    );
}

#[test]
fn objects_keep_their_class_and_state() {
    let text = "<marshal><list id=\"i2\"><object id=\"i3\" module=\"slapos.slap.slap\" \
                class=\"SoftwareRelease\"><tuple><string>u</string><none/></tuple>\
                <dictionary id=\"i4\"><string>_software_release</string><string>u</string>\
                </dictionary></object><int>1</int></list></marshal>";
    let item = loads_item(text).expect("it is one");
    assert_eq!(dumps_item(&item).expect("it has a form"), text);
    let Item::List(members) = &item else {
        panic!("{item:?}");
    };
    assert!(matches!(&members[0], Item::Object(object) if object.class == "SoftwareRelease"));
    assert_eq!(
        loads(text).expect_err("no plain value").to_string(),
        "an object of class `SoftwareRelease` is where a plain value belongs"
    );
}

#[test]
fn broken_documents_are_told_apart() {
    for (text, message) in [
        ("", "not XML: the document does not have a root node"),
        ("<html/>", "the document is a `html`, not a `marshal`"),
        ("<marshal/>", "the document holds 0 values, not one"),
        (
            "<marshal><none/><none/></marshal>",
            "the document holds 2 values, not one",
        ),
        (
            "<marshal><code>AAAA</code></marshal>",
            "the element `code` is not supported",
        ),
        (
            "<marshal><object id='i2' module='os' class='system'><tuple/><dictionary/></object>\
             </marshal>",
            "Refusing to unmarshall os.system",
        ),
        (
            "<marshal><int>x</int></marshal>",
            "`x` is no integer that can be read",
        ),
        (
            "<marshal><dictionary><string>a</string></dictionary></marshal>",
            "a dictionary has a key without a value",
        ),
        (
            "<marshal><list id='i2'><reference id='i2'/></list></marshal>",
            "the reference `i2` leads to nothing that came before",
        ),
        (
            "<marshal><dictionary><list/><none/></dictionary></marshal>",
            "unhashable type: 'list'",
        ),
    ] {
        assert_eq!(loads(text).expect_err(text).to_string(), message);
    }
}

#[test]
fn references_cannot_make_a_bomb() {
    // Each list refers ten times to the one before.
    let mut text = String::from("<marshal><tuple><list id=\"i0\"><none/></list>");
    for level in 1..10 {
        let reference = format!("<reference id=\"i{}\"/>", level - 1);
        text += &format!("<list id=\"i{level}\">{}</list>", reference.repeat(10));
    }
    text += "</tuple></marshal>";
    assert!(matches!(loads(&text), Err(UnmarshalError::TooLarge)));
    // Each list holds the one before.
    let mut text = String::from("<marshal><tuple><list id=\"i0\"/>");
    for level in 1..200 {
        text += &format!(
            "<list id=\"i{level}\"><reference id=\"i{}\"/></list>",
            level - 1
        );
    }
    text += "</tuple></marshal>";
    assert!(matches!(loads(&text), Err(UnmarshalError::TooDeep)));
    let text = format!(
        "<marshal>{}{}</marshal>",
        "<list>".repeat(200),
        "</list>".repeat(200)
    );
    assert!(matches!(loads(&text), Err(UnmarshalError::TooDeep)));
}
