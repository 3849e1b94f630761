//! Operations and objects as a document of either version.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::Version;
use super::model::{Answer, Answered, Body, Field, JSON, Object, Operation, Query, Shape, Taken};
use super::objects::OBJECTS;
use super::operations;
use crate::routes::{Access, ROUTES, Route};

/// The only server there is, as it stands in routes; documents have a parameter in its place, as PowerDNS's do.
const SERVER_SEGMENT: &str = "localhost";
const SERVER_PARAMETER: &str = "{server_id}";

/// Names in requests (PDNS-DIALECT 4.3); their length is left to the server.
const NAME_PATTERN: &str = "([A-Za-z0-9_/-]{1,63}\\.)+";

/// What every operation of the API may be refused with.
const COMMON_REFUSALS: [(u16, &str); 6] = [
    (400, "The request cannot be read."),
    (401, "No key, or a wrong one."),
    (403, "The key is limited, and this is beyond its limits."),
    (422, "The request breaks a rule."),
    (500, "The database holds what cannot be read, or the server is at fault."),
    (503, "The database does not answer."),
];

/// The whole document. `api_version` is the PowerDNS we stand in for.
pub(super) fn document(version: Version, api_version: &str) -> Value {
    let writer = Writer { version };
    let mut paths = Map::new();
    for route in ROUTES {
        paths.insert(path_of(route), writer.path(route));
    }
    let info = json!({
        "title": "Signpost HTTP API",
        "description": format!(
            "The API of PowerDNS Authoritative {api_version}, as Signpost answers it. Errors are JSON unless Accept asks for text/html \
             or text/plain; 422 always is."
        ),
        "version": env!("CARGO_PKG_VERSION"),
    });
    match version {
        Version::Swagger2 => json!({
            "swagger": "2.0",
            "info": info,
            "basePath": "/",
            "consumes": ["application/json"],
            "produces": ["application/json"],
            "securityDefinitions": {
                "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "WebserverPassword": {"type": "basic"},
            },
            "paths": paths,
            "definitions": writer.objects(),
        }),
        Version::OpenApi31 => json!({
            "openapi": "3.1.0",
            "info": info,
            "servers": [{"url": "/"}],
            "components": {
                "securitySchemes": {
                    "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                    "WebserverPassword": {"type": "http", "scheme": "basic"},
                },
                "schemas": writer.objects(),
            },
            "paths": paths,
        }),
    }
}

/// The path with a parameter for the server.
fn path_of(route: &Route) -> String {
    route.path.replace(&format!("/{SERVER_SEGMENT}"), &format!("/{SERVER_PARAMETER}"))
}

/// Which way an object goes. Swagger 2.0 has one schema for both, as PowerDNS's document does: clients make one model of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Request,
    Answer,
}

struct Writer {
    version: Version,
}

impl Writer {
    fn path(&self, route: &Route) -> Value {
        let mut item = Map::new();
        for (method, action) in route.methods {
            item.insert(
                method.as_str().to_ascii_lowercase(),
                self.operation(route, method, &operations::describe(*action)),
            );
        }
        Value::Object(item)
    }

    fn operation(&self, route: &Route, method: &Method, operation: &Operation) -> Value {
        let mut parameters = self.path_parameters(route);
        parameters.extend(operation.query.iter().map(|query| self.query(query)));
        let mut out = json!({
            "operationId": operation.id,
            "tags": [operation.tag],
            "summary": operation.about,
            "responses": self.responses(route, operation),
            "security": match route.access {
                Access::Key => json!([{"APIKeyHeader": []}]),
                Access::Password => json!([{}, {"WebserverPassword": []}]),
                Access::Open => json!([]),
            },
        });
        debug_assert!(operation.body.is_none() || *method != Method::GET, "{}", operation.id);
        match (self.version, &operation.body) {
            (_, None) => {}
            (Version::Swagger2, Some(body)) => parameters.push(json!({
                "name": body.name,
                "in": "body",
                "required": body.is_needed,
                "schema": self.reference(body.object, Face::Request),
            })),
            (Version::OpenApi31, Some(body)) => out["requestBody"] = self.body(body),
        }
        if !parameters.is_empty() {
            out["parameters"] = parameters.into();
        }
        if self.version == Version::Swagger2 {
            let types = operation.answers.iter().flat_map(|answer| &answer.content).map(|(media_type, _)| *media_type);
            let types: BTreeSet<&str> = types.collect();
            if types.iter().any(|media_type| *media_type != JSON) {
                out["produces"] = types.into_iter().collect();
            }
        }
        out
    }

    fn path_parameters(&self, route: &Route) -> Vec<Value> {
        let path = path_of(route);
        let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let parameter = |name: &str| {
            let shape = if name == "server_id" { Shape::Choice(&[SERVER_SEGMENT]) } else { Shape::Text };
            self.parameter("path", name, shape, true, path_about(name))
        };
        names.map(parameter).collect()
    }

    fn query(&self, query: &Query) -> Value {
        self.parameter("query", query.name, query.shape, query.is_needed, query.about)
    }

    fn parameter(&self, place: &str, name: &str, shape: Shape, is_needed: bool, about: &str) -> Value {
        let mut out = json!({"name": name, "in": place, "required": is_needed, "description": about});
        let schema = self.schema(&shape, Face::Request);
        match (self.version, schema) {
            (Version::OpenApi31, schema) => out["schema"] = schema,
            (Version::Swagger2, Value::Object(schema)) => {
                for (key, value) in schema {
                    out[key] = value;
                }
            }
            (Version::Swagger2, _) => {}
        }
        out
    }

    fn body(&self, body: &Body) -> Value {
        let reference = self.reference(body.object, Face::Request);
        let schema = match body.needs {
            [] => reference,
            needs => json!({"allOf": [reference, {"required": needs}]}),
        };
        json!({"required": body.is_needed, "content": {"application/json": {"schema": schema}}})
    }

    fn responses(&self, route: &Route, operation: &Operation) -> Value {
        let mut out = Map::new();
        if route.access == Access::Key {
            for (status, about) in COMMON_REFUSALS {
                out.insert(status.to_string(), self.refusal(about));
            }
            if path_of(route).contains('{') {
                out.insert("404".to_owned(), self.refusal("There is no such thing."));
            }
        }
        if route.access == Access::Password {
            out.insert("401".to_owned(), self.refusal("No password, or a wrong one."));
        }
        for (status, about) in &operation.refusals {
            out.insert(status.to_string(), self.refusal(about));
        }
        for answer in &operation.answers {
            out.insert(answer.status.to_string(), self.answer(answer));
        }
        Value::Object(out)
    }

    fn refusal(&self, about: &'static str) -> Value {
        self.answer(&Answer { status: 0, about, content: vec![(JSON, Shape::Object("Error"))], headers: &[] })
    }

    fn answer(&self, answer: &Answer) -> Value {
        let mut out = json!({"description": answer.about});
        match self.version {
            Version::OpenApi31 => {
                for (media_type, shape) in &answer.content {
                    out["content"][*media_type] = json!({"schema": self.schema(shape, Face::Answer)});
                }
            }
            // There is one schema for all media types, and only JSON has more to say than that it is text.
            Version::Swagger2 => {
                let of_json = answer.content.iter().find(|(media_type, _)| *media_type == JSON);
                if let Some((_, shape)) = of_json.or(answer.content.first()) {
                    out["schema"] = self.schema(shape, Face::Answer);
                }
            }
        }
        for (name, about) in answer.headers {
            out["headers"][*name] = match self.version {
                Version::Swagger2 => json!({"type": "integer", "description": about}),
                Version::OpenApi31 => json!({"schema": {"type": "integer"}, "description": about}),
            };
        }
        out
    }

    fn objects(&self) -> Map<String, Value> {
        let mut out = Map::new();
        for object in OBJECTS {
            match self.version {
                Version::Swagger2 => {
                    out.insert(object.name.to_owned(), self.object(object, &merged(object), Face::Answer));
                }
                Version::OpenApi31 => {
                    for face in [Face::Answer, Face::Request] {
                        let fields = of_face(object, face);
                        if !fields.is_empty() {
                            out.insert(schema_name(object.name, face), self.object(object, &fields, face));
                        }
                    }
                }
            }
        }
        out
    }

    fn object(&self, object: &Object, fields: &[(Field, IsNeeded)], face: Face) -> Value {
        let mut properties = Map::new();
        for (field, _) in fields {
            let mut schema = self.schema(&field.shape, face);
            // Beside a reference Swagger 2.0 allows nothing.
            if self.version == Version::OpenApi31 || schema.get("$ref").is_none() {
                schema["description"] = field.about.into();
            }
            properties.insert(field.name.to_owned(), schema);
        }
        let mut out = json!({"type": "object", "description": object.about, "properties": properties});
        let needed: Vec<&str> =
            fields.iter().filter(|(_, is_needed)| *is_needed).map(|(field, _)| field.name).collect();
        if !needed.is_empty() {
            out["required"] = needed.into();
        }
        out
    }

    fn reference(&self, object: &str, face: Face) -> Value {
        match self.version {
            Version::Swagger2 => json!({"$ref": format!("#/definitions/{object}")}),
            Version::OpenApi31 => json!({"$ref": format!("#/components/schemas/{}", schema_name(object, face))}),
        }
    }

    fn schema(&self, shape: &Shape, face: Face) -> Value {
        match shape {
            Shape::Name if self.version == Version::OpenApi31 && face == Face::Request => {
                json!({"type": "string", "pattern": format!("^{NAME_PATTERN}$")})
            }
            Shape::Owner if self.version == Version::OpenApi31 && face == Face::Request => {
                json!({"type": "string", "pattern": format!("^(\\*\\.)?{NAME_PATTERN}$")})
            }
            // Swagger 2.0 has one schema for both ways, and its clients need not judge what the server judges.
            Shape::Text | Shape::Name | Shape::Owner => json!({"type": "string"}),
            Shape::Choice(choices) => json!({"type": "string", "enum": choices}),
            Shape::Integer(least, most) => {
                let format = if *most > i64::from(i32::MAX) { "int64" } else { "int32" };
                let mut schema = json!({"type": "integer", "format": format, "minimum": least});
                if *most != i64::MAX {
                    schema["maximum"] = (*most).into();
                }
                schema
            }
            Shape::Flag => json!({"type": "boolean"}),
            Shape::List(of) => json!({"type": "array", "items": self.schema(of, face)}),
            Shape::Object(name) => self.reference(name, face),
            Shape::Anything => json!({}),
            Shape::AnyOf(shapes) => match self.version {
                Version::Swagger2 => json!({}),
                Version::OpenApi31 => {
                    let schemas: Vec<Value> = shapes.iter().map(|shape| self.schema(shape, face)).collect();
                    json!({"anyOf": schemas})
                }
            },
        }
    }
}

type IsNeeded = bool;

/// The fields that go one way.
fn of_face(object: &Object, face: Face) -> Vec<(Field, IsNeeded)> {
    let goes = |field: &&Field| match face {
        Face::Answer => field.answered != Answered::Never,
        Face::Request => field.taken != Taken::Ignored,
    };
    let is_needed = |field: &Field| match face {
        Face::Answer => field.answered == Answered::Always,
        Face::Request => field.taken == Taken::Needed,
    };
    object.fields.iter().filter(goes).map(|field| (*field, is_needed(field))).collect()
}

/// The fields of both ways, needed if they are in both; of two with one name that of requests, which allows more.
fn merged(object: &Object) -> Vec<(Field, IsNeeded)> {
    let mut out: Vec<(Field, IsNeeded)> = Vec::new();
    let is_taken = object.fields.iter().any(|field| field.taken != Taken::Ignored);
    for field in object.fields {
        let is_needed = field.answered == Answered::Always && (field.taken == Taken::Needed || !is_taken);
        match out.iter_mut().find(|(other, _)| other.name == field.name) {
            Some(other) => *other = (*field, false),
            None => out.push((*field, is_needed)),
        }
    }
    out
}

/// Objects that go both ways have a schema for each in OpenAPI 3.1.
fn schema_name(object: &str, face: Face) -> String {
    let is_answered =
        OBJECTS.iter().filter(|known| known.name == object).any(|known| !of_face(known, Face::Answer).is_empty());
    match face {
        Face::Request if is_answered => format!("{object}Input"),
        _ => object.to_owned(),
    }
}

/// What the parameters of paths are.
fn path_about(parameter: &str) -> &'static str {
    match parameter {
        "server_id" => "Always localhost.",
        "zone_id" => "Name of the zone, with =XX for octets outside A-Z a-z 0-9 . and -.",
        "cryptokey_id" => "Number of the key.",
        "tsigkey_id" => "Name of the key, encoded as a zone's.",
        "ip" => "Address of the autoprimary, or the first one of the network.",
        "prefixlen" => "How many of its leading bits count.",
        "apikey_name" => "Name of the API key.",
        "view" => "Name of the view.",
        "nameserver" => "Its name server.",
        "metadata_kind" => "Kind of metadata.",
        other => unreachable!("{other} is not described: the test below reads every route"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Version; 2] = [Version::Swagger2, Version::OpenApi31];

    /// Every schema that `value` refers to.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn section_2_every_route_is_described_and_nothing_else() {
        for version in BOTH {
            let document = document(version, "4.9.4");
            let described: BTreeSet<(String, String)> = document["paths"]
                .as_object()
                .unwrap()
                .iter()
                .flat_map(|(path, item)| {
                    item.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase()))
                })
                .collect();
            let routed: BTreeSet<(String, String)> = ROUTES
                .iter()
                .flat_map(|route| route.methods.iter().map(|(method, _)| (path_of(route), method.to_string())))
                .collect();
            assert_eq!(described, routed);
        }
    }

    #[test]
    fn every_object_used_is_there_and_openapi_3_1_uses_every_object() {
        for (version, place) in [(Version::Swagger2, "/definitions"), (Version::OpenApi31, "/components/schemas")] {
            let document = document(version, "4.9.4");
            let mut used = BTreeSet::new();
            references(&document, &mut used);
            let objects = document.pointer(place).unwrap().as_object().unwrap();
            let there: BTreeSet<String> = objects.keys().map(|name| format!("#{place}/{name}")).collect();
            assert!(used.iter().all(|name| there.contains(*name)), "{used:?}");
            // Swagger 2.0 cannot refer to one of several.
            assert!(version == Version::Swagger2 || used.len() == there.len(), "{used:?} of {there:?}");
        }
    }

    #[test]
    fn operation_ids_are_unique() {
        let mut ids = BTreeSet::new();
        for (_, action) in ROUTES.iter().flat_map(|route| route.methods) {
            assert!(ids.insert(operations::describe(*action).id), "{action:?}");
        }
    }

    /// CLIENTS.md, bravado: a model is checked in both directions by the one schema of its name.
    #[test]
    fn swagger_2_needs_of_an_object_only_what_requests_and_answers_both_have() {
        let document = document(Version::Swagger2, "4.9.4");
        assert!(document["definitions"]["Zone"].get("required").is_none());
        assert_eq!(document["definitions"]["RRSet"]["required"], json!(["name", "type"]));
        assert_eq!(document["definitions"]["Error"]["required"], json!(["error"]));
    }
}
