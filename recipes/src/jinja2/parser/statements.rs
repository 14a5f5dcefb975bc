//! The tags.

use std::rc::Rc;

use super::super::ast::{
    Block, Expr, ExprKind, For, FromImport, Import, Include, LoopTest, Macro, Mentions, Parameter,
    Publication, Scope, SetBlock, Slot, Stmt, StmtKind,
};
use super::super::error::SyntaxProblem;
use super::super::token::Token;
use super::{Parsed, Parser};
use crate::python_value::Object;
use buildout_core::value::str_repr;

impl Parser<'_> {
    /// Parses a tag; those that only group others give several statements.
    pub(super) fn statement(&mut self) -> Parsed<Option<Stmt>> {
        let Token::Name(tag) = self.token().clone() else {
            return Err(self.fail("tag name expected"));
        };
        let line = self.line();
        self.open_tags.push(tag);
        let kind = match tag {
            "for" => self.for_loop()?,
            "if" => self.condition()?,
            "block" => self.block()?,
            "extends" => {
                self.next()?;
                self.mentions.add(Mentions::EXTENDS);
                StmtKind::Extends(self.expression()?)
            }
            "print" => {
                self.next()?;
                self.print()?
            }
            "macro" => self.macro_definition()?,
            "include" => self.include()?,
            "from" => self.import_names()?,
            "import" => self.import()?,
            "set" => self.set()?,
            "with" => self.with()?,
            "autoescape" => {
                return Err(SyntaxProblem::unsupported(line, "the tag `autoescape`"));
            }
            "call" => self.call_block()?,
            "filter" => self.filter_block()?,
            "do" if self.extensions.expression_statement => {
                self.next()?;
                StmtKind::Do(self.tuple()?)
            }
            "break" if self.extensions.loop_controls => {
                self.next()?;
                StmtKind::Break
            }
            "continue" if self.extensions.loop_controls => {
                self.next()?;
                StmtKind::Continue
            }
            _ => {
                self.open_tags.pop();
                return Err(self.unknown_tag(Some(tag)));
            }
        };
        self.open_tags.pop();
        Ok(Some(Stmt { line, kind }))
    }

    /// The error for a tag that cannot stand here, or for the end.
    fn unknown_tag(&self, name: Option<&str>) -> SyntaxProblem {
        let looking = self.end_tags.last().map(|names| {
            let names: Vec<String> = names.iter().map(|name| str_repr(name)).collect();
            names.join(" or ")
        });
        let mut message = match name {
            Some(name) => format!("Encountered unknown tag {}.", str_repr(name)),
            None => "Unexpected end of template.".to_owned(),
        };
        if let Some(looking) = looking {
            let is_expected = |name: &str| self.end_tags.iter().any(|names| names.contains(&name));
            message += &match name.is_some_and(is_expected) {
                true => format!(
                    " You probably made a nesting mistake. Jinja is expecting this tag, but \
                     currently looking for {looking}."
                ),
                false => format!(" Jinja was looking for the following tags: {looking}."),
            };
        }
        if let Some(open) = self.open_tags.last() {
            message += &format!(
                " The innermost block that needs to be closed is {}.",
                str_repr(open)
            );
        }
        self.fail(message)
    }

    /// Parses the end of a tag and what follows, up to the name of an end tag.
    fn block_body(&mut self, end_tags: &'static [&'static str]) -> Parsed<Vec<Stmt>> {
        self.skip_operator(":")?;
        self.expect(&Token::BlockEnd)?;
        let body = self.body(Some(end_tags))?;
        if *self.token() == Token::End {
            self.end_tags.push(end_tags);
            return Err(self.unknown_tag(None));
        }
        Ok(body)
    }

    /// As [`Self::block_body`], with the only end tag.
    fn whole_body(&mut self, end_tags: &'static [&'static str]) -> Parsed<Vec<Stmt>> {
        let body = self.block_body(end_tags)?;
        self.next()?;
        Ok(body)
    }

    fn for_loop(&mut self) -> Parsed<StmtKind> {
        self.next()?;
        let target = self.assignment_target(Some("in"), false)?;
        self.note_assignment(&target);
        self.expect_name("in")?;
        let iter = self.tuple_with(false, Some("recursive"), false)?;
        let test = match self.skip_name("if")? {
            true => Some(self.expression()?),
            false => None,
        };
        let is_recursive = self.skip_name("recursive")?;
        let (body, mentions) = self.mentioned(|parser| parser.block_body(&["endfor", "else"]))?;
        let has_else = self.is_name("else");
        self.next()?;
        let else_body = match has_else {
            true => self.whole_body(&["endfor"])?,
            false => Vec::new(),
        };
        let test = test.map(|condition| LoopTest {
            target: target.clone(),
            condition,
            scope: Scope::default(),
            slots: 0,
        });
        Ok(StmtKind::For(Rc::new(For {
            target,
            iter,
            body,
            else_body,
            test,
            mentions,
            is_recursive,
            scope: Scope::default(),
            else_scope: Scope::default(),
            loop_slot: None,
            slots: 0,
        })))
    }

    /// Notes the assignments that loops do not allow within them.
    fn note_assignment(&mut self, target: &Expr) {
        if sets_loop(target) {
            self.mentions.add(Mentions::SETS_LOOP);
        }
    }

    fn condition(&mut self) -> Parsed<StmtKind> {
        let mut branches = Vec::new();
        loop {
            // `if` or `elif`.
            self.next()?;
            let condition = self.tuple_with(false, None, false)?;
            let body = self.block_body(&["elif", "else", "endif"])?;
            branches.push((condition, body));
            if self.is_name("elif") {
                continue;
            }
            let has_else = self.is_name("else");
            self.next()?;
            let otherwise = match has_else {
                true => self.whole_body(&["endif"])?,
                false => Vec::new(),
            };
            return Ok(StmtKind::If(branches, otherwise));
        }
    }

    fn with(&mut self) -> Parsed<StmtKind> {
        self.next()?;
        let mut variables = Vec::new();
        while *self.token() != Token::BlockEnd {
            if !variables.is_empty() {
                self.expect_operator(",")?;
            }
            let target = self.assignment_target(None, false)?;
            self.expect_operator("=")?;
            variables.push((target, self.expression()?));
        }
        let body = self.whole_body(&["endwith"])?;
        Ok(StmtKind::With(variables, body, Scope::default()))
    }

    fn block(&mut self) -> Parsed<StmtKind> {
        let (_, line) = self.next()?;
        let (name, _) = self.expect_any_name()?;
        let is_scoped = self.skip_name("scoped")?;
        let is_required = self.skip_name("required")?;
        if self.is_operator("-") {
            return Err(self.fail(
                "Block names in Jinja have to be valid Python identifiers and may not contain \
                 hyphens, use an underscore instead.",
            ));
        }
        let outer = std::mem::take(&mut self.mentions);
        let body = self.whole_body(&["endblock"])?;
        let mentions = std::mem::replace(&mut self.mentions, outer);
        if is_scoped {
            self.mentions.add(Mentions::SCOPED_BLOCK);
        }
        let is_blank = |statement: &Stmt| match &statement.kind {
            StmtKind::Output(nodes, _) => nodes.iter().all(|node| match &node.kind {
                ExprKind::Data(text) => text.trim().is_empty(),
                _ => false,
            }),
            _ => false,
        };
        if is_required && !body.iter().all(is_blank) {
            return Err(self.fail("Required blocks can only contain comments or whitespace"));
        }
        self.skip_name(&name)?;
        let block = Block {
            name,
            line,
            is_scoped,
            is_required,
            body,
            mentions,
            scope: Scope::default(),
            slots: 0,
            self_slot: None,
            super_slot: None,
            outer: Scope::default(),
        };
        Ok(StmtKind::Block(Rc::new(block), false))
    }

    fn print(&mut self) -> Parsed<StmtKind> {
        let mut nodes = Vec::new();
        while *self.token() != Token::BlockEnd {
            if !nodes.is_empty() {
                self.expect_operator(",")?;
            }
            nodes.push(self.expression()?);
        }
        Ok(StmtKind::Output(nodes, false))
    }

    fn signature(&mut self) -> Parsed<Vec<Parameter>> {
        let mut parameters: Vec<Parameter> = Vec::new();
        self.expect_operator("(")?;
        while !self.is_operator(")") {
            if !parameters.is_empty() {
                self.expect_operator(",")?;
            }
            let (name, _) = self.expect_any_name()?;
            let default = match self.skip_operator("=")? {
                true => Some(self.expression()?),
                false if parameters.iter().any(|known| known.default.is_some()) => {
                    return Err(self.fail("non-default argument follows default argument"));
                }
                false => None,
            };
            parameters.push(Parameter {
                name,
                index: 0,
                default,
            });
        }
        self.expect_operator(")")?;
        Ok(parameters)
    }

    fn macro_definition(&mut self) -> Parsed<StmtKind> {
        let (_, line) = self.next()?;
        let (name, _) = self.expect_any_name()?;
        let parameters = self.signature()?;
        let body = self.mentioned(|parser| parser.whole_body(&["endmacro"]))?;
        Ok(StmtKind::Macro(Rc::new(new_macro(
            Some(name),
            line,
            parameters,
            body,
        ))))
    }

    fn call_block(&mut self) -> Parsed<StmtKind> {
        let (_, line) = self.next()?;
        let parameters = match self.is_operator("(") {
            true => self.signature()?,
            false => Vec::new(),
        };
        let call = self.expression()?;
        if !matches!(call.kind, ExprKind::Call(..)) {
            return Err(SyntaxProblem::error(line, "expected call"));
        }
        let body = self.mentioned(|parser| parser.whole_body(&["endcall"]))?;
        let caller = new_macro(None, line, parameters, body);
        Ok(StmtKind::CallBlock(call, Rc::new(caller)))
    }

    fn filter_block(&mut self) -> Parsed<StmtKind> {
        self.next()?;
        let filter = self.filter_of_block(true)?;
        let filter = filter.ok_or_else(|| self.unexpected("name"))?;
        let body = self.whole_body(&["endfilter"])?;
        Ok(StmtKind::FilterBlock(filter, body, Scope::default()))
    }

    fn set(&mut self) -> Parsed<StmtKind> {
        self.next()?;
        let target = self.assignment_target(None, true)?;
        self.note_assignment(&target);
        if self.skip_operator("=")? {
            let value = self.tuple()?;
            return Ok(StmtKind::Set(target, value, Publication::default()));
        }
        let filter = self.filter_of_block(false)?;
        let body = self.whole_body(&["endset"])?;
        Ok(StmtKind::SetBlock(Box::new(SetBlock {
            target,
            filter,
            body,
            scope: Scope::default(),
            publication: Publication::default(),
        })))
    }

    /// Parses `with context` or `without context`.
    fn import_context(&mut self) -> Parsed<Option<bool>> {
        let with = self.is_name("with");
        if (with || self.is_name("without")) && self.look()?.is_name("context") {
            self.next()?;
            self.next()?;
            return Ok(Some(with));
        }
        Ok(None)
    }

    fn include(&mut self) -> Parsed<StmtKind> {
        self.next()?;
        let template = self.expression()?;
        let ignores_missing = self.is_name("ignore") && self.look()?.is_name("missing");
        if ignores_missing {
            self.next()?;
            self.next()?;
        }
        let with_context = self.import_context()?.unwrap_or(true);
        Ok(StmtKind::Include(Box::new(Include {
            template,
            ignores_missing,
            with_context,
            scope: Scope::default(),
        })))
    }

    fn import(&mut self) -> Parsed<StmtKind> {
        self.next()?;
        let template = self.expression()?;
        self.expect_name("as")?;
        let (name, _) = self.expect_any_name()?;
        let with_context = self.import_context()?.unwrap_or(false);
        Ok(StmtKind::Import(Box::new(Import {
            template,
            name,
            slot: Slot::default(),
            with_context,
            scope: Scope::default(),
            is_published: false,
        })))
    }

    fn import_names(&mut self) -> Parsed<StmtKind> {
        self.next()?;
        let template = self.expression()?;
        self.expect_name("import")?;
        let mut names = Vec::new();
        let mut with_context;
        loop {
            if !names.is_empty() {
                self.expect_operator(",")?;
            }
            if !matches!(self.token(), Token::Name(_)) {
                return Err(self.unexpected("name"));
            }
            with_context = self.import_context()?;
            if with_context.is_some() {
                break;
            }
            let (name, line) = self.expect_any_name()?;
            if name.starts_with('_') {
                return Err(SyntaxProblem::assertion(
                    line,
                    "names starting with an underline can not be imported",
                ));
            }
            let alias = match self.skip_name("as")? {
                true => self.expect_any_name()?.0,
                false => Rc::clone(&name),
            };
            names.push((name, alias, Slot::default()));
            with_context = self.import_context()?;
            if with_context.is_some() || !self.is_operator(",") {
                break;
            }
        }
        Ok(StmtKind::FromImport(Box::new(FromImport {
            template,
            names,
            with_context: with_context.unwrap_or(false),
            scope: Scope::default(),
            is_published: false,
        })))
    }
}

/// Tells whether a target is the name `loop`, or has it.
pub(in crate::jinja2) fn sets_loop(target: &Expr) -> bool {
    match &target.kind {
        ExprKind::Name(name, _) => **name == *"loop",
        ExprKind::Tuple(items) => items.iter().any(sets_loop),
        _ => false,
    }
}

fn new_macro(
    name: Option<Rc<str>>,
    line: u32,
    parameters: Vec<Parameter>,
    (body, mentions): (Vec<Stmt>, Mentions),
) -> Macro {
    Macro {
        name,
        line,
        slot: Slot::default(),
        parameters,
        body,
        mentions,
        scope: Scope::default(),
        slots: 0,
        caller: None,
        kwargs: None,
        varargs: None,
        is_published: false,
    }
}

/// Makes the constant of a literal.
pub(super) fn constant(line: u32, object: Object) -> Expr {
    Expr {
        line,
        kind: ExprKind::Const(object),
    }
}
