//! Allowed imports: modules import only from modules further down this list, and no two files import each
//! other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The top-level modules of `src`, from the top layer down. Modules in one line do not import each other.
const FLOORS: [&[&str]; 15] = [
    &["main"],
    &["cli"],
    &["image_hook"],
    &["solve"],
    &["encoder"],
    &["quantize"],
    &["fit"],
    &["decoder"],
    &["render"],
    &["backend", "media", "watch"],
    &["container"],
    &["field"],
    &["signal"],
    &["network", "limits", "ieee"],
    &["error", "setters"],
];

/// A file of the library: its path in the crate, `container::read`, and its code without comments and tests.
struct Module {
    path: Vec<String>,
    code: String,
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn modules() -> Vec<Module> {
    let (root, mut paths) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), vec![]);
    files(&root, &mut paths);
    paths.sort();
    let of = |path: &PathBuf| {
        let inside = path.strip_prefix(&root).unwrap().with_extension("");
        let mut names: Vec<String> =
            inside.components().map(|part| part.as_os_str().to_str().unwrap().into()).collect();
        if names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("\nmod tests {").next().unwrap();
        let code = text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
        Module { path: names, code }
    };
    let of_tests = |module: &Module| {
        let is = |name: &str| module.path.iter().any(|part| part == name);
        is("tests") || is("vectors")
    };
    paths.iter().map(of).filter(|module| !of_tests(module)).collect()
}

/// Expands a `use` tree, or a path in an expression, into paths, as lists of names.
fn leaves(prefix: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let name = tree.split(" as ").next().unwrap();
        let parts = name.split("::").map(|part| part.trim().to_string()).filter(|part| !part.is_empty());
        found.push(prefix.iter().cloned().chain(parts).collect());
        return;
    };
    let head = tree[..open].split("::").map(|part| part.trim().to_string()).filter(|part| !part.is_empty());
    let prefix: Vec<String> = prefix.iter().cloned().chain(head).collect();
    let inner = &tree[open + 1..tree.rfind('}').unwrap()];
    let (mut depth, mut from) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[from..at].trim().is_empty() {
                    leaves(&prefix, &inner[from..at], found);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// All paths within the crate that occur in the code of a module, starting at the root.
fn named(module: &Module) -> Vec<Vec<String>> {
    let mut found = vec![];
    for (at, _) in module.code.match_indices("crate::").chain(module.code.match_indices("super::")) {
        let before = module.code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &module.code[at..];
        let is_use = module.code[..at].trim_end().ends_with("use");
        let end = match is_use {
            true => rest.find(';').unwrap(),
            false => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len())
            }
        };
        leaves(&[], &rest[..end], &mut found);
    }
    let absolute = |path: Vec<String>| {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let base = if ups > 0 { &module.path[..module.path.len().saturating_sub(ups)] } else { &[] };
        base.iter().cloned().chain(path.into_iter().skip(ups.max(1))).collect()
    };
    found.into_iter().map(absolute).collect()
}

/// The imports of each module: the indices of the deepest modules that its paths resolve to.
fn imports(modules: &[Module]) -> Vec<BTreeSet<usize>> {
    let by_path: BTreeMap<&[String], usize> =
        modules.iter().enumerate().map(|(n, module)| (&module.path[..], n)).collect();
    let of = |(n, module): (usize, &Module)| {
        let deepest = |path: Vec<String>| {
            (1..=path.len()).rev().find_map(|length| by_path.get(&path[..length]).copied())
        };
        named(module).into_iter().filter_map(deepest).filter(|&other| other != n).collect()
    };
    modules.iter().enumerate().map(of).collect()
}

fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("src/{room} has no floor: add it to the list here and to ARCHITECTURE.md"))
}

#[test]
fn arrows_between_rooms_go_down() {
    let modules = modules();
    assert!(modules.len() > 100, "{} modules", modules.len());
    let mut upward = vec![];
    for (module, imports) in modules.iter().zip(imports(&modules)) {
        for other in imports.into_iter().map(|n| &modules[n]) {
            let (from, to) = (&module.path[0], &other.path[0]);
            // Files at the root belong to no layer.
            if [from, to].iter().any(|room| *room == "lib" || *room == "guide") || from == to {
                continue;
            }
            if floor(to) <= floor(from) {
                upward.push(format!("{} imports {}", module.path.join("::"), other.path.join("::")));
            }
        }
    }
    assert!(upward.is_empty(), "upward arrows:\n{}", upward.join("\n"));
}

#[test]
fn no_two_files_import_each_other_in_a_circle() {
    let modules = modules();
    let imports = imports(&modules);
    let is_folder = |n: usize| {
        modules.iter().any(|module| {
            module.path.len() > modules[n].path.len() && module.path.starts_with(&modules[n].path)
        })
    };
    // A `mod.rs` declares and re-exports its submodules, and these may use what it defines.
    let arrows: Vec<Vec<usize>> = imports
        .iter()
        .enumerate()
        .map(|(n, imports)| if is_folder(n) { vec![] } else { imports.iter().copied().collect() })
        .collect();
    let reaches = |from: usize| {
        let (mut seen, mut open) = (BTreeSet::new(), arrows[from].clone());
        while let Some(n) = open.pop() {
            if seen.insert(n) {
                open.extend(&arrows[n]);
            }
        }
        seen
    };
    let circles: Vec<String> =
        (0..modules.len()).filter(|&n| reaches(n).contains(&n)).map(|n| modules[n].path.join("::")).collect();
    assert!(circles.is_empty(), "in a circle of imports: {}", circles.join(", "));
}
