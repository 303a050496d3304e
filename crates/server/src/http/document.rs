//! The OpenAPI document: what the routes say, with what is the same for each operation.

use api::problem::{Problem, Reason};
use utoipa::PartialSchema as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, Response};

/// Gives each operation a name from its method and path, since OpenAPI asks for unique ones
/// (`get_applications_by_name_log`), and its answer when it says no: a problem document.
pub fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::default);
    components.schemas.insert("Problem".into(), Problem::schema());
    components.schemas.insert("Reason".into(), Reason::schema());
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                name(operation, method, path);
                operation.responses.responses.insert("default".into(), RefOr::T(refusal()));
            }
        }
    }
}

fn name(operation: &mut Operation, method: &str, path: &str) {
    let parts = path.trim_start_matches("/api/v1/").split('/').map(|part| {
        let parameter = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        parameter.map_or_else(|| part.replace('-', "_"), |parameter| format!("by_{parameter}"))
    });
    let parts: Vec<String> = parts.collect();
    operation.operation_id = Some(format!("{method}_{}", parts.join("_")));
}

fn refusal() -> Response {
    let mut response = Response::new("Why it was not done");
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    response.content.insert("application/problem+json".into(), content.into());
    response
}
