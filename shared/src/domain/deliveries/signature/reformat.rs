//! The same JSON, written as other programs write it: what a sender may have signed when it signed what it would have
//! sent, or what a proxy between us made of it. Numbers and strings are copied, keys keep their order.

/// How a program writes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `{"a":1,"b":[1,2]}`, as `JSON.stringify`.
    Compact,
    /// `{"a": 1, "b": [1, 2]}`, as Python's `json.dumps`.
    Spaced,
    /// On lines of their own, indented by so many spaces.
    Indented(usize),
}

/// Writes JSON in a style. What is not JSON comes out as something, too.
pub(super) fn reformat(json: &[u8], style: Style) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth: usize = 0;
    let mut at = 0;
    while at < json.len() {
        let byte = json[at];
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'"' => {
                let start = at - 1;
                while at < json.len() && json[at] != b'"' {
                    at += if json[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(json.len());
                out.extend_from_slice(&json[start..at]);
            }
            b'{' | b'[' => {
                out.push(byte);
                let next = json[at..].iter().find(|byte| !byte.is_ascii_whitespace());
                if let Some(close @ (b'}' | b']')) = next {
                    out.push(*close);
                    at += json[at..].iter().position(|byte| byte == close).map_or(0, |skipped| skipped + 1);
                } else {
                    depth += 1;
                    new_line(&mut out, style, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, style, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                if style == Style::Spaced {
                    out.push(b' ');
                }
                new_line(&mut out, style, depth);
            }
            b':' => {
                out.push(byte);
                if style != Style::Compact {
                    out.push(b' ');
                }
            }
            other => out.push(other),
        }
    }
    out
}

fn new_line(out: &mut Vec<u8>, style: Style, depth: usize) {
    if let Style::Indented(width) = style {
        out.push(b'\n');
        out.resize(out.len() + width * depth, b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles() {
        let json = b" {\"b\" : [1, {\"a\\\"}\":null}],\n\"a\":{ }, \"c\":[] }\n";
        for (style, expected) in [
            (Style::Compact, r#"{"b":[1,{"a\"}":null}],"a":{},"c":[]}"#),
            (Style::Spaced, r#"{"b": [1, {"a\"}": null}], "a": {}, "c": []}"#),
            (
                Style::Indented(2),
                "{\n  \"b\": [\n    1,\n    {\n      \"a\\\"}\": null\n    }\n  ],\n  \"a\": {},\n  \"c\": []\n}",
            ),
        ] {
            assert_eq!(String::from_utf8(reformat(json, style)).unwrap(), expected);
        }
        for broken in ["{", "\"", "\"\\", "]", "{\"a", "[ "] {
            reformat(broken.as_bytes(), Style::Indented(4));
        }
    }

    #[test]
    fn an_indented_text_is_what_serde_writes() {
        let value = serde_json::json!({"a": [1, {"b": [], "c": {}}], "d": "x\ny", "e": [[["f"]]]});
        let compact = serde_json::to_vec(&value).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        assert_eq!(reformat(&compact, Style::Indented(2)), pretty);
        assert_eq!(reformat(&pretty, Style::Compact), compact);
    }
}
