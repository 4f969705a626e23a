//! Reading an XML registration: the element tree becomes the JSON form of the same instance, read by [`super::json_in`].
//!
//! A small reader of its own instead of a crate: elements, attributes, text, CDATA, comments and the predefined and numeric
//! entities. A document type is refused, so nothing can be expanded or fetched.

use serde_json::{Map, Value};

use super::{Instance, WireError, json_in};

const MAX_DEPTH: usize = 16;

/// Reads `<instance>...</instance>`. `now` as in [`json_in::registration`].
pub fn registration(body: &[u8], now: i64) -> Result<Instance, WireError> {
    let text = std::str::from_utf8(body).map_err(|_| broken("is not UTF-8"))?;
    let mut reader = Reader { rest: text };
    let root = reader.document()?;
    if root.name != "instance" {
        return Err(WireError::new("instance", "is missing"));
    }
    let fields: Map<String, Value> = root
        .children
        .iter()
        .map(|child| (child.name.clone(), value_of(child)))
        .collect();
    json_in::instance(&Value::Object(fields), now)
}

fn value_of(element: &Element) -> Value {
    match element.name.as_str() {
        "port" | "securePort" => {
            let mut port = Map::new();
            port.insert("$".to_owned(), element.text.as_str().into());
            if let Some(enabled) = element.attribute("enabled") {
                port.insert("@enabled".to_owned(), enabled.into());
            }
            Value::Object(port)
        }
        "dataCenterInfo" => {
            let mut center = children(element, false);
            if let Some(class) = element.attribute("class") {
                center.insert("@class".to_owned(), class.into());
            }
            Value::Object(center)
        }
        "leaseInfo" => Value::Object(children(element, false)),
        "metadata" => Value::Object(children(element, true)),
        _ => Value::String(element.text.clone()),
    }
}

fn children(element: &Element, coded_names: bool) -> Map<String, Value> {
    element
        .children
        .iter()
        .map(|child| {
            let name = if coded_names {
                decode_name(&child.name)
            } else {
                child.name.clone()
            };
            // Amazon's data center has pairs of its own.
            let value = if child.name == "metadata" && !coded_names {
                Value::Object(children(child, true))
            } else {
                Value::String(child.text.clone())
            };
            (name, value)
        })
        .collect()
}

/// The text that [`super::xml_out::element_name`] made a name of.
fn decode_name(name: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("__") {
            units.push(u16::from(b'_'));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("_-") {
            units.push(u16::from(b'$'));
            rest = after;
        } else if let Some(unit) = rest
            .strip_prefix("_.")
            .and_then(|after| after.get(..4))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        {
            units.push(unit);
            rest = &rest[6..];
        } else {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            rest = &rest[c.len_utf8()..];
        }
    }
    String::from_utf16_lossy(&units)
}

fn broken(why: &'static str) -> WireError {
    WireError::new("body", why)
}

#[derive(Debug)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Element, WireError> {
        self.skip_around_root()?;
        let root = self.element(0)?;
        self.skip_around_root()?;
        if self.rest.is_empty() {
            Ok(root)
        } else {
            Err(broken("has text after its end"))
        }
    }

    /// White space, comments and processing instructions.
    fn skip_around_root(&mut self) -> Result<(), WireError> {
        loop {
            self.rest = self.rest.trim_start();
            if self.eat("<?") {
                self.until("?>")?;
            } else if self.eat("<!--") {
                self.until("-->")?;
            } else {
                return Ok(());
            }
        }
    }

    fn element(&mut self, depth: usize) -> Result<Element, WireError> {
        if depth > MAX_DEPTH {
            return Err(broken("is nested too deeply"));
        }
        if !self.eat("<") {
            return Err(broken("has no element where one is due"));
        }
        let mut element = Element {
            name: self.name()?,
            attributes: Vec::new(),
            text: String::new(),
            children: Vec::new(),
        };
        loop {
            self.rest = self.rest.trim_start();
            if self.eat("/>") {
                return Ok(element);
            }
            if self.eat(">") {
                break;
            }
            let key = self.name()?;
            self.rest = self.rest.trim_start();
            if !self.eat("=") {
                return Err(broken("has an attribute without a value"));
            }
            self.rest = self.rest.trim_start();
            let quote = if self.eat("\"") {
                "\""
            } else if self.eat("'") {
                "'"
            } else {
                return Err(broken("has an attribute without quotes"));
            };
            let value = unescape(self.until(quote)?)?;
            element.attributes.push((key, value));
        }
        loop {
            if self.eat("<!--") {
                self.until("-->")?;
            } else if self.eat("<![CDATA[") {
                let text = self.until("]]>")?;
                element.text.push_str(text);
            } else if self.eat("</") {
                let name = self.until(">")?;
                if name.trim_end() != element.name {
                    return Err(broken("closes an element that is not open"));
                }
                if !element.children.is_empty() {
                    element.text.clear();
                }
                return Ok(element);
            } else if self.rest.starts_with('<') {
                let child = self.element(depth + 1)?;
                element.children.push(child);
            } else {
                let end = self.rest.find('<').ok_or(broken("ends too early"))?;
                let (text, rest) = self.rest.split_at(end);
                element.text.push_str(&unescape(text)?);
                self.rest = rest;
            }
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, token: &str) -> Result<&'a str, WireError> {
        let (text, rest) = self
            .rest
            .split_once(token)
            .ok_or(broken("ends too early"))?;
        self.rest = rest;
        Ok(text)
    }

    fn name(&mut self) -> Result<String, WireError> {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '=' | '<' | '!' | '?'))
            .ok_or(broken("ends too early"))?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.is_empty() {
            return Err(broken("has an element without a name"));
        }
        Ok(name.to_owned())
    }
}

fn unescape(text: &str) -> Result<String, WireError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (entity, after) = rest[at + 1..]
            .split_once(';')
            .ok_or(broken("has an entity without an end"))?;
        let c = match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let code = if let Some(hex) = entity.strip_prefix("#x") {
                    u32::from_str_radix(hex, 16).ok()
                } else {
                    entity
                        .strip_prefix('#')
                        .and_then(|digits| digits.parse().ok())
                };
                code.and_then(char::from_u32)
                    .ok_or(broken("has an entity that is not known"))?
            }
        };
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
