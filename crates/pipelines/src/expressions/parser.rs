//! Tokens into a tree, with names, counts of arguments and depth checked on the way.

use super::ast::{Comparison, Function, Node};
use super::lexer::{Lexer, Operator, Token, TokenKind, located};
use super::{Expression, SyntaxError, SyntaxErrorKind, Value, equals_ignoring_case};

/// Levels of the tree; a chain of `&&` or of `||` is one level, parentheses are none. GitHub's.
const DEPTH_MAX: usize = 50;
/// UTF-16 units of one expression. GitHub's.
const LENGTH_MAX: usize = 21_000;
/// Parentheses inside one another. GitHub has no such limit of its own; this one keeps the stack of
/// the reader small, and no expression within [`DEPTH_MAX`] needs as many.
const NESTING_MAX: usize = 200;

/// Which contexts and which of the special functions may be used at a place of a workflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Names of contexts; `None`: any name.
    pub contexts: Option<&'a [&'a str]>,
    /// `hashFiles` and the status functions, where they are available; `None`: all of them. The
    /// other functions are available everywhere.
    pub functions: Option<&'a [FunctionSignature<'a>]>,
}

/// A function with the counts of arguments that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionSignature<'a> {
    /// The name; found without regard to case.
    pub name: &'a str,
    /// At least so many.
    pub minimum: usize,
    /// At most so many.
    pub maximum: usize,
}

impl Scope<'_> {
    /// Any context and every function.
    pub const ANY: Scope<'static> = Scope { contexts: None, functions: None };
}

impl Expression {
    /// Reads the text of one expression (what stands between `${{` and `}}`, blanks cut off).
    pub fn parse(source: &str, scope: Scope<'_>) -> Result<Self, SyntaxError> {
        if source.encode_utf16().count() > LENGTH_MAX {
            return Err(refuse(format!("Exceeded max expression length {LENGTH_MAX}")));
        }
        let mut parser = Parser::new(source, scope)?;
        let tree = parser.binary(0)?;
        match parser.current {
            Some(token) => Err(unexpected(&token, source)),
            None => Ok(Self { source: source.into(), root: tree.node }),
        }
    }
}

/// A tree with the number of its levels.
struct Tree {
    node: Node,
    depth: usize,
}

struct Parser<'a> {
    source: &'a str,
    scope: Scope<'a>,
    lexer: Lexer<'a>,
    current: Option<Token>,
    last_raw: String,
    last_position: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, scope: Scope<'a>) -> Result<Self, SyntaxError> {
        let mut lexer = Lexer::new(source);
        let current = lexer.next_token()?;
        if current.is_none() {
            return Err(refuse("An expression was expected".into()));
        }
        let last_raw = String::new();
        Ok(Self { source, scope, lexer, current, last_raw, last_position: 1, nesting: 0 })
    }

    fn advance(&mut self) -> Result<Option<Token>, SyntaxError> {
        let next = self.lexer.next_token()?;
        let token = std::mem::replace(&mut self.current, next);
        if let Some(token) = &token {
            self.last_raw.clone_from(&token.raw);
            self.last_position = token.position;
        }
        Ok(token)
    }

    /// The error of a token that may not stand here, or of an end that comes too early.
    fn unexpected(&self) -> SyntaxError {
        match &self.current {
            Some(token) => unexpected(token, self.source),
            None => refuse(located(
                "Unexpected end of expression",
                &self.last_raw,
                self.last_position,
                self.source,
            )),
        }
    }

    fn expect(&mut self, kind: &TokenKind) -> Result<(), SyntaxError> {
        if self.current.as_ref().map(|token| &token.kind) != Some(kind) {
            return Err(self.unexpected());
        }
        self.advance().map(drop)
    }

    /// Operators that bind at least as tightly as `minimum`, from left to right.
    fn binary(&mut self, minimum: u8) -> Result<Tree, SyntaxError> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(too_deep());
        }
        let mut left = self.unary()?;
        while let Some((operator, precedence)) = self.binary_operator() {
            if precedence < minimum {
                break;
            }
            self.advance()?;
            let right = self.binary(precedence + 1)?;
            left = combine(operator, left, right)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn binary_operator(&self) -> Option<(Operator, u8)> {
        let Some(Token { kind: TokenKind::Operator(operator), .. }) = &self.current else {
            return None;
        };
        let precedence = match operator {
            Operator::Not => return None,
            Operator::Or => 0,
            Operator::And => 1,
            Operator::Equal | Operator::NotEqual => 2,
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => 3,
        };
        Some((*operator, precedence))
    }

    fn unary(&mut self) -> Result<Tree, SyntaxError> {
        let mut count = 0;
        while matches!(&self.current, Some(token) if token.kind == TokenKind::Operator(Operator::Not))
        {
            self.advance()?;
            count += 1;
        }
        let mut tree = self.postfix()?;
        for _ in 0..count {
            tree = level(Node::Not(Box::new(tree.node)), tree.depth)?;
        }
        Ok(tree)
    }

    fn postfix(&mut self) -> Result<Tree, SyntaxError> {
        let (mut tree, indexable) = self.primary()?;
        if !indexable {
            return Ok(tree);
        }
        loop {
            match self.current.as_ref().map(|token| &token.kind) {
                Some(TokenKind::Dot) => {
                    self.advance()?;
                    tree = self.property(tree)?;
                }
                Some(TokenKind::OpenIndex) => {
                    self.advance()?;
                    tree = self.index(tree)?;
                }
                Some(_) | None => return Ok(tree),
            }
        }
    }

    fn property(&mut self, of: Tree) -> Result<Tree, SyntaxError> {
        match self.current.as_ref().map(|token| (&token.kind, token.raw.clone())) {
            Some((TokenKind::Star, _)) => {
                self.advance()?;
                level(Node::Wildcard(Box::new(of.node)), of.depth)
            }
            Some((TokenKind::Property, name)) => {
                self.advance()?;
                let name = Node::Literal(Value::String(name));
                level(Node::Index(Box::new(of.node), Box::new(name)), of.depth)
            }
            Some(_) | None => Err(self.unexpected()),
        }
    }

    fn index(&mut self, of: Tree) -> Result<Tree, SyntaxError> {
        if matches!(&self.current, Some(token) if token.kind == TokenKind::Star) {
            self.advance()?;
            self.expect(&TokenKind::CloseIndex)?;
            return level(Node::Wildcard(Box::new(of.node)), of.depth);
        }
        let index = self.binary(0)?;
        self.expect(&TokenKind::CloseIndex)?;
        let depth = of.depth.max(index.depth);
        level(Node::Index(Box::new(of.node), Box::new(index.node)), depth)
    }

    /// An operand, and whether `.` and `[` may follow it.
    fn primary(&mut self) -> Result<(Tree, bool), SyntaxError> {
        let Some(token) = self.current.clone() else { return Err(self.unexpected()) };
        let literal = |value| Ok((Tree { node: Node::Literal(value), depth: 1 }, false));
        match token.kind {
            TokenKind::Null => self.advance().and_then(|_| literal(Value::Null)),
            TokenKind::Boolean(value) => {
                self.advance().and_then(|_| literal(Value::Boolean(value)))
            }
            TokenKind::Number(value) => self.advance().and_then(|_| literal(Value::Number(value))),
            TokenKind::Text(value) => self.advance().and_then(|_| literal(Value::String(value))),
            TokenKind::Context => {
                self.check_context(&token)?;
                self.advance()?;
                Ok((Tree { node: Node::Context(token.raw), depth: 1 }, true))
            }
            TokenKind::Function => self.call(&token).map(|tree| (tree, true)),
            TokenKind::Open => {
                self.advance()?;
                let inner = self.binary(0)?;
                self.expect(&TokenKind::Close)?;
                Ok((inner, true))
            }
            TokenKind::Close
            | TokenKind::OpenIndex
            | TokenKind::CloseIndex
            | TokenKind::Comma
            | TokenKind::Dot
            | TokenKind::Star
            | TokenKind::Operator(_)
            | TokenKind::Property => Err(self.unexpected()),
        }
    }

    fn check_context(&self, token: &Token) -> Result<(), SyntaxError> {
        let known = self
            .scope
            .contexts
            .is_none_or(|names| names.iter().any(|name| equals_ignoring_case(name, &token.raw)));
        if known {
            return Ok(());
        }
        Err(refuse(located("Unrecognized named-value", &token.raw, token.position, self.source)))
    }

    fn call(&mut self, name: &Token) -> Result<Tree, SyntaxError> {
        let Some((function, minimum, maximum)) = self.signature(&name.raw) else {
            let message = located("Unrecognized function", &name.raw, name.position, self.source);
            return Err(refuse(message));
        };
        self.advance()?;
        self.expect(&TokenKind::Open)?;
        let mut arguments = Vec::new();
        let mut depth = 0;
        if !matches!(&self.current, Some(token) if token.kind == TokenKind::Close) {
            loop {
                let argument = self.binary(0)?;
                depth = depth.max(argument.depth);
                arguments.push(argument.node);
                if !matches!(&self.current, Some(token) if token.kind == TokenKind::Comma) {
                    break;
                }
                self.advance()?;
            }
        }
        self.expect(&TokenKind::Close)?;
        let problem = if arguments.len() < minimum {
            "Too few parameters supplied"
        } else if arguments.len() > maximum {
            "Too many parameters supplied"
        } else if function == Function::Case && arguments.len().is_multiple_of(2) {
            "Even number of parameters supplied, requires an odd number of parameters"
        } else {
            return level(Node::Call { function, arguments }, depth);
        };
        Err(refuse(located(problem, &name.raw, name.position, self.source)))
    }

    fn signature(&self, name: &str) -> Option<(Function, usize, usize)> {
        let (known, function, minimum, maximum) =
            *FUNCTIONS.iter().find(|(known, ..)| equals_ignoring_case(known, name))?;
        match self.scope.functions {
            Some(available) if is_special(function) => available
                .iter()
                .find(|signature| equals_ignoring_case(signature.name, known))
                .map(|signature| (function, signature.minimum, signature.maximum)),
            Some(_) | None => Some((function, minimum, maximum)),
        }
    }
}

const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("contains", Function::Contains, 2, 2),
    ("startsWith", Function::StartsWith, 2, 2),
    ("endsWith", Function::EndsWith, 2, 2),
    ("format", Function::Format, 1, 255),
    ("join", Function::Join, 1, 2),
    ("toJson", Function::ToJson, 1, 1),
    ("fromJson", Function::FromJson, 1, 1),
    ("case", Function::Case, 3, 255),
    ("hashFiles", Function::HashFiles, 1, 255),
    ("success", Function::Success, 0, usize::MAX),
    ("failure", Function::Failure, 0, usize::MAX),
    ("cancelled", Function::Cancelled, 0, 0),
    ("always", Function::Always, 0, 0),
];

/// Whether a function exists only where the place of the expression grants it.
fn is_special(function: Function) -> bool {
    match function {
        Function::HashFiles
        | Function::Success
        | Function::Failure
        | Function::Cancelled
        | Function::Always => true,
        Function::Contains
        | Function::StartsWith
        | Function::EndsWith
        | Function::Format
        | Function::Join
        | Function::ToJson
        | Function::FromJson
        | Function::Case => false,
    }
}

fn combine(operator: Operator, left: Tree, right: Tree) -> Result<Tree, SyntaxError> {
    let depth = left.depth.max(right.depth);
    let comparison = match operator {
        Operator::And | Operator::Or => return chain(operator, left, right),
        Operator::Not => return level(Node::Not(Box::new(right.node)), right.depth),
        Operator::Equal => Comparison::Equal,
        Operator::NotEqual => Comparison::NotEqual,
        Operator::Less => Comparison::Less,
        Operator::LessOrEqual => Comparison::LessOrEqual,
        Operator::Greater => Comparison::Greater,
        Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
    };
    level(Node::Compare(comparison, Box::new(left.node), Box::new(right.node)), depth)
}

/// `a && b && c` is one level with three operands.
fn chain(operator: Operator, left: Tree, right: Tree) -> Result<Tree, SyntaxError> {
    let (mut nodes, depth) = match (operator, left.node) {
        (Operator::And, Node::And(nodes)) | (Operator::Or, Node::Or(nodes)) => {
            (nodes, (left.depth - 1).max(right.depth))
        }
        (_, node) => (vec![node], left.depth.max(right.depth)),
    };
    nodes.push(right.node);
    level(if operator == Operator::And { Node::And(nodes) } else { Node::Or(nodes) }, depth)
}

/// A node above trees of at most `below` levels.
fn level(node: Node, below: usize) -> Result<Tree, SyntaxError> {
    let depth = below + 1;
    if depth > DEPTH_MAX { Err(too_deep()) } else { Ok(Tree { node, depth }) }
}

fn too_deep() -> SyntaxError {
    refuse(format!("Exceeded max expression depth {DEPTH_MAX}"))
}

fn unexpected(token: &Token, source: &str) -> SyntaxError {
    refuse(located("Unexpected symbol", &token.raw, token.position, source))
}

fn refuse(message: String) -> SyntaxError {
    SyntaxError { kind: SyntaxErrorKind::Parsing, message }
}
