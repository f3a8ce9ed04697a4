//! Rust sources as tokens: comments and strings cannot be taken for code.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::tree::Source;

/// A token without its tree: a group is its two brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The text of it; a literal is `"…"`.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) line: usize,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line of its opening brace.
    pub(crate) first: usize,
    /// The line of its closing brace.
    pub(crate) last: usize,
    /// Whether it is a test.
    pub(crate) test: bool,
}

/// Splits a file into its trees of tokens.
pub(crate) fn trees(source: &Source) -> Vec<TokenTree> {
    let stream: TokenStream = source
        .text
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", source.path));
    stream.into_iter().collect()
}

/// Returns the tokens of a file in order, the code of tests left out.
pub(crate) fn code(source: &Source) -> Vec<Token> {
    let mut tokens = Vec::new();
    if !source.is_test() {
        flatten(&without_tests(trees(source)), &mut tokens);
    }
    tokens
}

/// Returns all tokens of a file in order.
pub(crate) fn all(source: &Source) -> Vec<Token> {
    let mut tokens = Vec::new();
    flatten(&trees(source), &mut tokens);
    tokens
}

/// Finds where these texts follow each other; `!x` stands for any text but `x`.
pub(crate) fn find<'a>(
    tokens: &'a [Token],
    pattern: &'a [&'a str],
) -> impl Iterator<Item = usize> + 'a {
    tokens
        .windows(pattern.len())
        .filter(move |window| {
            let mut pairs = window.iter().zip(pattern);
            pairs.all(|(token, wanted)| match wanted.strip_prefix('!') {
                Some(other) if !other.is_empty() => token.text != other,
                Some(_) | None => token.text == *wanted,
            })
        })
        .filter_map(|window| window.first())
        .map(|token| token.line)
}

/// Returns the functions of a file, at any depth.
pub(crate) fn functions(source: &Source) -> Vec<Function> {
    let mut found = Vec::new();
    collect_functions(&trees(source), &mut found);
    found
}

/// Returns the identifier that a token is.
pub(crate) fn ident(tree: Option<&TokenTree>) -> Option<String> {
    match tree {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

/// Returns the group with these brackets that a token is.
pub(crate) fn group(tree: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match tree {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Returns the trees inside a group.
pub(crate) fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// Tells whether a token is this sign.
pub(crate) fn is_sign(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn flatten(trees: &[TokenTree], tokens: &mut Vec<Token>) {
    for tree in trees {
        let line = tree.span().start().line;
        let mut push = |text: &str, line| {
            tokens.push(Token {
                text: text.to_owned(),
                line,
            });
        };
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open, line);
                flatten(&inside(group), tokens);
                tokens.push(Token {
                    text: close.to_owned(),
                    line: group.span_close().start().line,
                });
            }
            TokenTree::Literal(_) => push("\"…\"", line),
            TokenTree::Ident(ident) => push(&ident.to_string(), line),
            TokenTree::Punct(punct) => push(&punct.as_char().to_string(), line),
        }
    }
}

/// Leaves out every item under `#[cfg(test)]`.
fn without_tests(trees: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut trees = trees.into_iter();
    while let Some(tree) = trees.next() {
        let condition = group(Some(&tree), Delimiter::Bracket)
            .is_some_and(|group| group.stream().to_string().replace(' ', "") == "cfg(test)");
        if condition {
            // Up to the end of the item: its body, or its semicolon.
            let ends = |tree: &TokenTree| {
                group(Some(tree), Delimiter::Brace).is_some() || is_sign(Some(tree), ';')
            };
            trees.by_ref().find(ends);
        } else {
            kept.push(tree);
        }
    }
    kept
}

fn collect_functions(trees: &[TokenTree], found: &mut Vec<Function>) {
    let mut test = false;
    for (at, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            let attribute = group.delimiter() == Delimiter::Bracket
                && is_sign(at.checked_sub(1).and_then(|before| trees.get(before)), '#');
            if attribute {
                test |= is_test_attribute(&inside(group));
            } else {
                collect_functions(&inside(group), found);
            }
        }
        let is_fn = matches!(tree, TokenTree::Ident(ident) if ident == "fn");
        if let (true, Some(name)) = (is_fn, ident(trees.get(at + 1))) {
            let rest = trees.get(at + 2..).unwrap_or_default();
            let end = rest.iter().find(|tree| {
                group(Some(tree), Delimiter::Brace).is_some() || is_sign(Some(tree), ';')
            });
            if let Some(body) = group(end, Delimiter::Brace) {
                found.push(Function {
                    name,
                    first: body.span_open().start().line,
                    last: body.span_close().start().line,
                    test,
                });
            }
            test = false;
        }
    }
}

/// Tells `#[test]`, `#[tokio::test]` and the like from other attributes.
fn is_test_attribute(trees: &[TokenTree]) -> bool {
    let path: Vec<String> = trees
        .iter()
        .take_while(|tree| !matches!(tree, TokenTree::Group(_)))
        .filter_map(|tree| ident(Some(tree)))
        .collect();
    path.last().is_some_and(|last| last == "test")
}

#[test]
fn tests_are_told_from_code() {
    let sample = Source::new(
        "src/a.rs",
        "//! A.\nfn a() { b(); }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn c() {}\n    #[tokio::test(flavor = \"x\")]\n    async fn d() {}\n    fn e() {}\n}\nproptest! { #[test] fn f(x in 0..1) {} }\nfn g();",
    );
    let names: Vec<(String, bool)> = functions(&sample)
        .into_iter()
        .map(|function| (function.name, function.test))
        .collect();
    let expected = [
        ("a", false),
        ("c", true),
        ("d", true),
        ("e", false),
        ("f", true),
    ];
    assert_eq!(names, expected.map(|(name, test)| (name.to_owned(), test)));
    let code = code(&sample);
    assert_eq!(find(&code, &["fn", "a"]).collect::<Vec<_>>(), [2]);
    assert_eq!(find(&code, &["fn", "c"]).count(), 0);
    assert_eq!(find(&all(&sample), &["fn", "c"]).count(), 1);
}
