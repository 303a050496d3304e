//! The OpenAPI document: what the routes say, with a name of its own for each operation.

use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;

/// Gives each operation a name from its method and path, since OpenAPI asks for unique ones:
/// `get_applications_by_name_log`.
pub fn name_operations(document: &mut OpenApi) {
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
