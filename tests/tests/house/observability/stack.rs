//! The stack as CloudFormation would make it of the template: loops unrolled, references followed, dashboards as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use serde_norway::{Mapping, Value as Yaml};

use crate::house::workspace::text;

pub(super) const FILE: &str = "infra/observability/template.yaml";
const LOOP: &str = "Fn::ForEach::";

/// The stack, and what its parameters are.
pub(super) struct Stack {
    pub(super) parameters: Mapping,
    pub(super) mappings: Json,
    resources: BTreeMap<String, Json>,
}

/// What a name stands for.
struct Scope<'a> {
    parameters: &'a Mapping,
    mappings: &'a Json,
    variables: BTreeMap<String, Json>,
}

impl Stack {
    pub(super) fn read() -> Self {
        let template: Yaml = serde_norway::from_str(&text(FILE).expect("text")).expect("YAML");
        let section =
            |name: &str| template[name].as_mapping().unwrap_or_else(|| panic!("{FILE} has no {name}")).clone();
        let parameters = section("Parameters");
        let none = Json::Null;
        let plain = Scope { parameters: &parameters, mappings: &none, variables: BTreeMap::new() };
        let mappings = plain.value(&Yaml::Mapping(section("Mappings")));
        let scope = Scope { mappings: &mappings, ..plain };
        let mut resources = BTreeMap::new();
        for (id, resource) in unrolled(&section("Resources")) {
            assert!(resources.insert(id.clone(), scope.value(&resource)).is_none(), "{id} is there twice");
        }
        Self { parameters, mappings, resources }
    }

    /// The resources of a type, each with its properties.
    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = (&str, &Json)> {
        let of_kind = self.resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        of_kind.map(|(id, resource)| (id.as_str(), &resource["Properties"]))
    }

    /// The dashboards, as PutDashboard is given them.
    pub(super) fn dashboards(&self) -> Vec<(&str, Json)> {
        let body = |properties: &Json| properties["DashboardBody"].as_str().map(str::to_owned);
        let read = |(id, properties)| {
            let body = body(properties).unwrap_or_else(|| panic!("{id}: its body is no text"));
            (id, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{id} is no JSON: {error}")))
        };
        self.of("AWS::CloudWatch::Dashboard").map(read).collect()
    }
}

/// The resources with each loop's in its place.
fn unrolled(resources: &Mapping) -> Vec<(String, Yaml)> {
    let mut all = Vec::new();
    for (id, resource) in resources {
        let id = id.as_str().expect("an id is text");
        if !id.starts_with(LOOP) {
            all.push((id.to_owned(), resource.clone()));
            continue;
        }
        let [identifier, items, fragment] = resource.as_sequence().map_or(&[][..], Vec::as_slice) else {
            panic!("{id} is no loop")
        };
        for item in items.as_sequence().expect("a loop goes over a list") {
            let (identifier, item) = (identifier.as_str().expect("text"), item.as_str().expect("text"));
            let Yaml::Mapping(made) = replaced(fragment, identifier, item) else { panic!("{id} makes no resources") };
            all.extend(made.into_iter().map(|(id, made)| (id.as_str().expect("text").to_owned(), made)));
        }
    }
    all
}

/// The fragment of a loop for one of its items.
fn replaced(fragment: &Yaml, identifier: &str, item: &str) -> Yaml {
    let again = |value: &Yaml| replaced(value, identifier, item);
    match fragment {
        Yaml::String(text) => Yaml::String(text.replace(&format!("${{{identifier}}}"), item)),
        Yaml::Sequence(values) => Yaml::Sequence(values.iter().map(again).collect()),
        Yaml::Mapping(values) => {
            values.iter().map(|(key, value)| (again(key), again(value))).collect::<Mapping>().into()
        }
        Yaml::Tagged(tagged) if tagged.tag == "Ref" && tagged.value == *identifier => Yaml::String(item.to_owned()),
        Yaml::Tagged(tagged) => {
            let mut tagged = tagged.clone();
            tagged.value = again(&tagged.value);
            Yaml::Tagged(tagged)
        }
        other => other.clone(),
    }
}

impl Scope<'_> {
    fn value(&self, value: &Yaml) -> Json {
        match value {
            Yaml::Tagged(tagged) => {
                let tag = tagged.tag.to_string();
                self.function(tag.trim_start_matches('!'), &tagged.value)
            }
            Yaml::Sequence(values) => values.iter().map(|value| self.value(value)).collect(),
            Yaml::Mapping(values) => match values.iter().next() {
                Some((Yaml::String(name), argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    self.function(name.trim_start_matches("Fn::"), argument)
                }
                _ => {
                    values.iter().map(|(key, value)| (self.text(key), self.value(value))).collect::<Map<_, _>>().into()
                }
            },
            plain => serde_json::to_value(plain).expect("YAML without tags is JSON"),
        }
    }

    fn text(&self, value: &Yaml) -> String {
        match self.value(value) {
            Json::String(text) => text,
            other => other.to_string(),
        }
    }

    fn function(&self, name: &str, argument: &Yaml) -> Json {
        match name {
            "Ref" => self.named(&self.text(argument)),
            "GetAtt" => self.named(&self.text(argument)),
            "Sub" => match argument.as_sequence().map(Vec::as_slice) {
                Some([text, variables]) => {
                    let variables = variables.as_mapping().expect("variables are named").iter();
                    let variables = variables.map(|(name, value)| (self.text(name), self.value(value))).collect();
                    let Self { parameters, mappings, .. } = self;
                    Scope { parameters, mappings, variables }.filled(&self.text(text)).into()
                }
                _ => self.filled(&self.text(argument)).into(),
            },
            "FindInMap" => {
                let path = argument.as_sequence().expect("three names").iter().map(|name| self.text(name));
                let found = path.clone().try_fold(self.mappings, |map, name| map.get(&name));
                found.unwrap_or_else(|| panic!("no mapping {:?}", path.collect::<Vec<_>>())).clone()
            }
            // Either would do: they differ in what they name, and not in what it is.
            "If" => self.value(&argument[1]),
            "ToJsonString" => self.value(argument).to_string().into(),
            other => panic!("{FILE}: the tests do not understand {other}"),
        }
    }

    /// A text with each `${name}` filled in.
    fn filled(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |filled, part| {
            let (name, rest) = part.split_once('}').expect("a name ends");
            let value = self.named(name);
            filled + &value.as_str().map_or_else(|| value.to_string(), str::to_owned) + rest
        })
    }

    /// What a name stands for: a parameter's default or something made up, a resource by its id. cfn-lint tells of names of nothing.
    fn named(&self, name: &str) -> Json {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        match (name, self.parameters.get(name)) {
            ("AWS::Region", _) => json!("eu-central-1"),
            ("AWS::StackName", _) => json!("watch"),
            // A text, also where it is a number: so CloudFormation has them.
            (_, Some(parameter)) => {
                parameter.get("Default").map_or_else(|| format!("{{{name}}}"), |default| self.text(default)).into()
            }
            _ => json!(name),
        }
    }
}
