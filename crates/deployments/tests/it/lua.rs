//! Users' own scripts: what they may do, and how they end when they do something else.

use std::collections::BTreeMap;

use deployments::{ChangeOperation, Customizations, Declared, Health, HealthStatus, ScriptError};
use serde_json::{Value, json};

/// 2024-02-29T12:30:15Z, the time of every test.
const NOW_S: i64 = 1_709_209_815;

fn thing() -> Value {
    json!({"apiVersion": "a.example/v1", "kind": "Thing", "metadata": {"name": "a", "generation": 3,
        "labels": {}}, "spec": {"replicas": 2, "list": [], "large": 9_007_199_254_740_993_i64, "none": null},
        "status": {"phase": "On", "conditions": [{"type": "Ready", "status": "True"}, {"type": "B"}]}})
}

fn read(data: &[(&str, &str)]) -> Customizations {
    let data: BTreeMap<_, _> =
        data.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Customizations::read(&data).expect("settings")
}

fn run(script: &str, libraries: &str) -> Health {
    let given = read(&[
        ("resource.customizations.health.a.example_Thing", script),
        ("resource.customizations.useOpenLibs.a.example_Thing", libraries),
    ]);
    given.assess(&thing(), NOW_S).expect("a script always says something")
}

/// What an expression is, as the message of a health.
#[track_caller]
fn is(expression: &str, expected: &str) {
    let script = format!("return {{status = 'Healthy', message = tostring({expression})}}");
    let health = run(&script, "true");
    assert_eq!(
        (health.status, health.message.as_str()),
        (HealthStatus::Healthy, expected),
        "{expression}"
    );
}

/// A script is `Unknown` for a reason that contains this.
#[track_caller]
fn fails(script: &str, reason: &str) {
    for libraries in ["true", "false"] {
        let health = run(script, libraries);
        assert_eq!(health.status, HealthStatus::Unknown, "{script}: {health:?}");
        let begin = "the health script of a.example/Thing: ";
        let said = health.message.strip_prefix(begin).unwrap();
        assert!(libraries == "false" || said.contains(reason), "{script}: {said}");
    }
}

#[test]
fn a_script_sees_the_object_and_gives_a_health() {
    let script = "local hs = {}\n\
        if obj.status ~= nil and obj.status.conditions ~= nil then\n\
          for i, condition in ipairs(obj.status.conditions) do\n\
            if condition.type == 'Ready' and condition.status == 'True' then\n\
              hs.status = 'Healthy'\n\
              hs.message = obj.metadata.name .. ' of ' .. table.getn(obj.status.conditions)\n\
              return hs\n\
            end\n\
          end\n\
        end\n\
        hs.status = 'Progressing'\n\
        return hs";
    for libraries in ["true", "false"] {
        let health = run(script, libraries);
        assert_eq!(health, Health { status: HealthStatus::Healthy, message: "a of 2".into() });
    }
    for status in HealthStatus::ALL {
        assert_eq!(run(&format!("return {{status = '{status}'}}"), "false").status, status);
    }
}

#[test]
fn lua_is_that_of_5_1() {
    for (expression, expected) in [
        ("_VERSION", "Lua 5.1"),
        ("table.getn({1, 2, 3})", "3"),
        ("#obj.status.conditions", "2"),
        ("obj.spec.none", "nil"),
        ("obj.spec.replicas + 1", "3"),
        ("unpack({7, 8})", "7"),
        ("select('#', unpack({7, nil, 8}, 1, 3))", "3"),
        (
            "(function() local t = {1, 3} table.insert(t, 2, 2) table.insert(t, 4) return table.concat(t) end)()",
            "1234",
        ),
        (
            "(function() local t = {1, 2, 3} table.remove(t, 1) table.remove(t) return table.concat(t) end)()",
            "2",
        ),
        (
            "(function() local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return table.concat(t) end)()",
            "321",
        ),
        ("7 / 2", "3.5"),
        ("tonumber('0x10')", "16"),
        ("tonumber('ff', 16)", "255"),
        ("tonumber('x')", "nil"),
        ("table.maxn({1, 2, [7] = 1})", "7"),
        ("table.concat({'a', 'b'}, '-')", "a-b"),
        ("math.floor(2.7)", "2"),
        ("math.max(1, 5, 3)", "5"),
        ("math.random() == math.random()", "false"),
        ("math.random(3, 3)", "3"),
        ("string.format('%s %d', 'a', 3)", "a 3"),
        ("('Abc'):lower():upper()", "ABC"),
        ("string.find('hello world', 'o w')", "5"),
        ("select(2, string.find('hello world', 'o w'))", "7"),
        ("string.find('a.b', '.', 2, true)", "2"),
        ("string.find('abc', 'x')", "nil"),
        ("string.match('v1.25', '(%d+)%.(%d+)')", "1"),
        ("select(2, string.match('v1.25', '(%d+)%.(%d+)'))", "25"),
        ("string.match('key = value', '^(%w+)%s*=')", "key"),
        ("string.gsub('hello', 'l', 'L')", "heLLo"),
        ("select(2, string.gsub('hello', 'l', 'L'))", "2"),
        ("string.gsub('hello world', '(%w+)', '<%1>')", "<hello> <world>"),
        ("string.gsub('abc', '%w', '%0%0', 2)", "aabbc"),
        ("string.gsub('$name is', '%$(%w+)', {name = 'Lua'})", "Lua is"),
        ("string.gsub('abc', '', '-')", "-a-b-c-"),
        ("string.gsub('a b', '%w', function(c) if c == 'a' then return 'x' end end)", "x b"),
        ("string.rep('ab', 3)", "ababab"),
        ("string.rep('', 1e9)", ""),
        (
            "(function() local s = '' for w in string.gmatch('a b c', '%a') do s = s .. w end return s end)()",
            "abc",
        ),
        ("pcall(error, 'x')", "false"),
        ("select(2, xpcall(error, function(e) return 'caught' end))", "caught"),
        ("select(2, xpcall(function() return 'fine' end, error))", "fine"),
        ("tostring(loadstring)", "nil"),
    ] {
        is(expression, expected);
    }
}

#[test]
fn the_time_is_that_of_the_inputs() {
    for (expression, expected) in [
        ("os.time()", "1709209815"),
        ("os.date('!%Y-%m-%dT%H:%M:%SZ')", "2024-02-29T12:30:15Z"),
        ("os.date('%Y', 0)", "1970"),
        ("os.date('*t').yday", "60"),
        ("os.time({year = 1970, month = 1, day = 2, hour = 0})", "86400"),
        ("pcall(os.time, {year = 1970})", "false"),
    ] {
        is(expression, expected);
    }
}

#[test]
fn what_reaches_outside_is_not_there() {
    for name in [
        "io",
        "require",
        "load",
        "loadstring",
        "loadfile",
        "dofile",
        "debug",
        "package",
        "module",
        "collectgarbage",
        "coroutine",
        "newproxy",
        "getfenv",
        "setfenv",
        "os.execute",
        "os.getenv",
        "os.exit",
        "os.remove",
        "os.rename",
        "os.tmpname",
        "string.dump",
        "_G.io",
        "_G.require",
    ] {
        is(name, "nil");
    }
    fails("io.open('/etc/passwd')", "line 1");
    fails("os.execute('true')", "line 1");
    fails("require('os')", "line 1");
    fails("debug.getinfo(1)", "line 1");
    fails("load('return 1')()", "line 1");
    // Byte code is not even looked at.
    fails("\u{1b}Lua", "");
    for name in ["string", "math"] {
        let health =
            run(&format!("return {{status = 'Healthy', message = type({name})}}"), "false");
        assert_eq!(health.message, "nil");
    }
    assert_eq!(
        run("print('x') return {status = 'Healthy'}", "false").status,
        HealthStatus::Healthy
    );
}

#[test]
fn a_script_that_fails_says_where() {
    fails(
        "local a = 1\nlocal b = nil\nreturn b.c",
        "line 3: attempt to index local 'b' (a nil value)",
    );
    fails("error('told')", "line 1: told");
    fails("\nerror({})", "");
    fails("return {", "line 1: unexpected symbol");
    fails("if x then\n", "line 2: 'end' expected");
    fails("\n\nstring.find('a', '[')", "line 3: malformed pattern");
    fails("return nil", "it gives no table with a status");
    fails("return 1", "it gives no table with a status");
    fails("", "it gives no table with a status");
    fails("return {message = 'a'}", "it gives a table without a status");
    fails("return {status = 'Fine'}", "it gives a status that is none: Fine");
    fails("return {status = 'Healthy', message = {}}", "it gives a message that is no text");
    fails("return {status = function() end}", "it gives a function where a value is needed");
    fails("local t = {} t.t = t return t", "it gives a table that contains itself");
    fails(
        "local t = {1} for i = 1, 40 do t = {t, t} end return t",
        "it gives a table that is too large",
    );
}

#[test]
fn a_script_without_end_is_ended() {
    let too_long = "it runs for longer than it may (5000000 instructions)";
    fails("while true do end", too_long);
    fails("while true do pcall(function() while true do end end) end", too_long);
    fails("local function f() return f() end f()", too_long);
    fails("repeat local ok = pcall(error) until false", too_long);
    fails("xpcall(function() while true do end end, function() while true do end end)", too_long);
    fails("string.rep('x', 1e6):find(string.rep('.-', 20) .. 'y')", "");
    fails("local s = string.rep('a', 5000) string.find(s, string.rep('a-', 20) .. 'b')", too_long);
    fails(
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
        "overflow",
    );
    fails("local function f() return 1 + f() end f()", "line 1: stack overflow");
    fails("local function f() pcall(f) end while true do f() end", too_long);
    fails("for i = 1, 1e12 do string.rep('', 1e9) end", too_long);
    // What works long within one instruction.
    fails("local s = string.rep('1', 3e4) while true do tonumber(s) end", too_long);
    fails(
        "local t = {} for i = 1, 2e3 do t[i .. ''] = i end while true do table.maxn(t) end",
        too_long,
    );
    fails("local t = {} while true do table.insert(t, 1, 0) end", too_long);
    fails("local t = {} for i = 1, 3e4 do t[i] = i end while true do table.sort(t) end", too_long);
    fails(
        "local t = {} for i = 1, 3e4 do t[i] = 'x' end while true do table.concat(t) end",
        too_long,
    );
    fails("local s = string.rep('x', 7e6) while true do s:reverse() end", "");
    fails("local s = string.rep('x', 7e6) while true do local t = s .. 'y' end", "");
    fails("local t = {} for i = 1, 300 do t[i] = i end unpack(t)", "too many results to unpack");
}

#[test]
fn a_script_that_takes_all_memory_is_ended() {
    let too_much = "it needs more memory than it may have (33554432 bytes)";
    fails("local t = {} for i = 1, 1e9 do t[i] = i end", "");
    fails("local s = 'x' while true do s = s .. s end", too_much);
    fails("string.rep('x', 1e9)", too_much);
    fails("string.rep(string.rep('x', 1e6), 1e6)", too_much);
    fails("local s = string.rep('x', 1e6) string.gsub(s, 'x', s)", too_much);
    fails("local t = {} for i = 1, 100 do t[i] = string.rep('x' .. i, 1e6) end", "");
    fails("table.concat(setmetatable({}, {__index = function() return 'x' end}), '', 1, 1e9)", "");
}

#[test]
fn a_script_reads_no_values_of_a_secret() {
    let script = "local a = (obj.metadata.annotations or {})['last'] \
                  return {status = 'Healthy', \
                  message = tostring(obj.data.key) .. tostring(obj.stringData.text) .. tostring(a)}";
    let given = read(&[("resource.customizations.health.Secret", script)]);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "a", "annotations": {"last": "canary"}},
        "data": {"key": "canary"}, "stringData": {"text": "canary"},
    });
    let health = given.assess(&secret, NOW_S).expect("a script says something");
    assert_eq!(health.message, "(hidden)(hidden)nil");
}

#[test]
fn the_most_exact_name_counts() {
    let status = |data: &[(&str, &str)], object: &Value| {
        read(data).assess(object, NOW_S).map(|health| health.status)
    };
    let script = |status: &str| format!("return {{status = '{status}'}}");
    let (degraded, missing, unknown) = (script("Degraded"), script("Missing"), script("Suspended"));
    let one = "resource.customizations.health.a.example_Thing";
    let list = "resource.customizations";
    let any = format!(
        "'*.example/*':\n  health.lua: |\n    {missing}\n'*':\n  health.lua: |\n    {unknown}\n"
    );
    assert_eq!(status(&[(one, &degraded), (list, &any)], &thing()), Some(HealthStatus::Degraded));
    let other = json!({"apiVersion": "b.example/v1", "kind": "Other", "metadata": {"name": "a"}});
    assert_eq!(status(&[(one, &degraded)], &other), None);
    assert_eq!(
        status(&[(list, "'*.example/*': {health.lua: \"return {status='Missing'}\"}")], &other),
        Some(HealthStatus::Missing)
    );
    let claim =
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Lost"}});
    let own = "resource.customizations.health.PersistentVolumeClaim";
    assert_eq!(status(&[(own, &missing)], &claim), Some(HealthStatus::Missing));
    assert_eq!(status(&[(one, &missing)], &claim), Some(HealthStatus::Degraded));
    // What has actions alone keeps Boucle's own health.
    let actions = "resource.customizations.actions.PersistentVolumeClaim";
    assert_eq!(status(&[(actions, "definitions: []")], &claim), Some(HealthStatus::Degraded));
    let mut deleted = thing();
    deleted["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
    assert_eq!(status(&[(one, &degraded)], &deleted), Some(HealthStatus::Progressing));
}

#[test]
fn settings_that_cannot_be_read_are_named() {
    for (key, text, message) in [
        ("resource.customizations", "a: [", "line 1"),
        ("resource.customizations.useOpenLibs.a_B", "maybe", "neither true nor false"),
        ("resource.customizations.actions.a_B", "definitions: {}", "line 1"),
        ("resource.customizations", "a/B: {health: return nil}", "health"),
        ("resource.customizations.knownTypeFields.a_B", "[]", "`knownTypeFields` is not supported"),
        ("resource.customizations.ignoreDifferences.all", "x", "line 1"),
        ("resource.customizations.ignoreDifferences.a_B", "pointers: [/a]", "pointers"),
        ("resource.customizations.ignoreDifferences.a_B", "jsonPointers: [a]", "JSON pointer"),
        ("resource.customizations.ignoreDifferences.*.a_B", "jsonPointers: [/a]", "only `*`"),
    ] {
        let data = BTreeMap::from([(key.to_owned(), text.to_owned())]);
        let error = Customizations::read(&data).unwrap_err();
        assert!(error.key == key && error.message.contains(message), "{error}");
    }
    read(&[("url", "a"), ("resource.customizations.", "")]);
}

#[test]
fn differences_may_be_left_to_others_in_all_applications() {
    let read = read(&[
        ("resource.customizations.ignoreDifferences.all", "managedFieldsManagers: [scaler]"),
        ("resource.customizations.ignoreDifferences.apps_Deployment", "jsonPointers: [/spec/a]"),
        ("resource.customizations", "Secret: {ignoreDifferences: 'jqPathExpressions: [.data.a]'}"),
    ]);
    let all = read.ignore_differences().iter().map(|one| {
        (one.group.as_str(), one.kind.as_str(), one.json_pointers.len(), one.jq_paths.len())
    });
    assert_eq!(
        all.collect::<Vec<_>>(),
        [("", "Secret", 0, 1), ("*", "*", 0, 0), ("apps", "Deployment", 1, 0)]
    );
    assert_eq!(read.ignore_differences()[1].managers, ["scaler"]);
}

#[test]
fn a_file_in_git_has_customizations_alone() {
    let file = |name: &str, key: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  {key}: '{{}}'\n"
        )
    };
    let parse = |text: &str| Declared::parse("apps/argocd-cm.yaml", text);
    let good = file("argocd-cm", "resource.customizations");
    assert!(matches!(parse(&good), Ok(Declared::Customizations(_))));
    for (text, line, message) in [
        (file("other", "resource.customizations"), 1, "`other` declares nothing"),
        (file("argocd-cm", "url"), 5, "`url` is a setting of Argo CD's server"),
        (file("argocd-cm", "resource.customizations.other.a_B"), 5, "`other` is not supported"),
        (good.replace("\ndata:", "\nbinaryData:"), 4, "binaryData"),
    ] {
        let error = parse(&text).expect_err(message);
        assert!(error.message.contains(message), "{error}");
        assert_eq!((error.file.as_str(), error.line), ("apps/argocd-cm.yaml", line), "{error}");
    }
}

const ACTIONS: &str = r#"
discovery.lua: |
  local actions = {}
  actions["scale"] = {params = {{name = "replicas", default = "1"}}, displayName = "Scale"}
  actions["pause"] = {["disabled"] = obj.spec.replicas == 2}
  actions["restart"] = {}
  return actions
definitions:
- name: scale
  action.lua: |
    obj.spec.replicas = tonumber(actionParams["replicas"])
    return obj
- name: pause
  action.lua: return obj
- name: restart
  action.lua: |
    if obj.metadata.annotations == nil then obj.metadata.annotations = {} end
    obj.metadata.annotations["a.example/restartedAt"] = os.date("!%Y-%m-%dT%XZ")
    return {{operation = "patch", resource = obj},
      {operation = "create", resource = {apiVersion = "v1", kind = "Event", metadata = {generateName = "e-"}}}}
- name: hidden
  action.lua: return obj
"#;

fn acted(actions: &str, name: &str) -> Result<Vec<(ChangeOperation, Value)>, ScriptError> {
    let given = read(&[("resource.customizations.actions.a.example_Thing", actions)]);
    let parameters = BTreeMap::from([("replicas".to_owned(), "5".to_owned())]);
    let changes = given.run_action(&thing(), name, &parameters, NOW_S)?;
    Ok(changes.into_iter().map(|change| (change.operation, change.object)).collect())
}

#[test]
fn actions_are_discovered_and_change_the_object() {
    let given = read(&[("resource.customizations.actions.a.example_Thing", ACTIONS)]);
    let actions = given.actions(&thing(), NOW_S).unwrap();
    let shown: Vec<_> = actions.iter().map(|it| (it.name.as_str(), it.is_disabled)).collect();
    assert_eq!(shown, [("pause", true), ("restart", false), ("scale", false)]);
    assert_eq!(actions[2].display_name.as_deref(), Some("Scale"));
    assert_eq!(actions[2].parameters[0].name, "replicas");
    assert_eq!(actions[2].parameters[0].default.as_deref(), Some("1"));

    let mut scaled = thing();
    scaled["spec"]["replicas"] = json!(5);
    scaled["spec"].as_object_mut().unwrap().remove("none");
    assert_eq!(acted(ACTIONS, "scale").unwrap(), [(ChangeOperation::Patch, scaled)]);

    let mut restarted = thing();
    restarted["metadata"]["annotations"] = json!({"a.example/restartedAt": "2024-02-29T12:30:15Z"});
    restarted["spec"].as_object_mut().unwrap().remove("none");
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "e-"}});
    let expected = [(ChangeOperation::Patch, restarted), (ChangeOperation::Create, event)];
    assert_eq!(acted(ACTIONS, "restart").unwrap(), expected);
}

#[test]
fn actions_that_are_not_there_or_fail_are_errors() {
    for name in ["pause", "hidden", "nothing"] {
        assert_eq!(acted(ACTIONS, name), Err(ScriptError::NoSuchAction(name.into())));
    }
    let one =
        |script: &str| acted(&format!("definitions: [{{name: a, action.lua: \"{script}\"}}]"), "a");
    assert!(matches!(one("return 1"), Err(ScriptError::WrongReturn(_))));
    assert!(matches!(one("return {}"), Err(ScriptError::WrongReturn(_)) | Ok(_)));
    assert!(matches!(
        one("return {{operation = 'delete', resource = obj}}"),
        Err(ScriptError::WrongReturn(_))
    ));
    assert!(matches!(one("while true do end"), Err(ScriptError::TooLong { .. })));
    assert!(matches!(one("obj.a.b = 1"), Err(ScriptError::Failed { line: Some(1), .. })));
    let nothing = read(&[]).actions(&thing(), NOW_S).unwrap();
    assert!(nothing.is_empty());
    let none =
        read(&[("resource.customizations.actions.a.example_Thing", "discovery.lua: return {}")]);
    assert!(none.actions(&thing(), NOW_S).unwrap().is_empty());
    let wrong =
        read(&[("resource.customizations.actions.a.example_Thing", "discovery.lua: return 1")]);
    assert!(wrong.actions(&thing(), NOW_S).is_err());
}
