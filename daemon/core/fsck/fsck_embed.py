#!/usr/bin/env python3
"""fsck_embed.py OUT.c SCHEMA.sql SETUP.sql RULES.sql...: the rules of fsck as a C table.

A file of rules is a comment, then blocks parted by empty lines. Each block is one rule:

    -- rule NAME (CLAUSE) [audit | portal]
    -- The sentence that must be true,
    -- on one line or more.
    SELECT subject, detail ...;

audit: it belongs to `mohr audit verify` too; portal: it is judged when the portal's ledger was read.
It selects key and description of each row that breaks the sentence, no row when all is well. A block of any other form,
a name used twice, or SQL that the schema cannot run fails the build."""
import re
import sqlite3
import sys

HEADER = re.compile(r'-- rule ([a-z]+(?:-[a-z]+)*) \(([^()]+)\)(?: (audit|portal))?')


class Malformed(Exception):
    pass


def parse_block(block):
    lines = block.split('\n')
    header = HEADER.fullmatch(lines[0])
    if not header:
        raise Malformed(f'not "-- rule NAME (CLAUSE) [audit | portal]": {lines[0]}')
    name, clause, part = header.groups()
    n = 1
    while n < len(lines) and lines[n].startswith('-- '):
        n += 1
    sentence, sql = ' '.join(line[3:] for line in lines[1:n]), '\n'.join(lines[n:])
    if not re.fullmatch(r'[A-Z][^"\\]*\.', sentence):
        raise Malformed(f'{name}: the comment is no sentence')
    if '--' in sql or not sql.startswith('SELECT ') or sql.count(';') != 1 or not sql.endswith(';'):
        raise Malformed(f'{name}: not one SELECT that ends with a semicolon')
    return name, clause, part, sentence, sql


def parse(text):
    head, *blocks = text.strip().split('\n\n')
    if any(not line.startswith('-- ') for line in head.split('\n')) or HEADER.match(head):
        raise Malformed('the file must begin with a comment about its rules')
    return [parse_block(block) for block in blocks]


def try_rules(rules, schema, setup):
    """Every rule against an empty ledger: it runs, answers two columns, and finds nothing."""
    db = sqlite3.connect(':memory:')
    db.executescript(schema)
    db.executescript(setup)
    seen = set()
    for name, _, _, _, sql in rules:
        cursor = db.execute(sql)
        if len(cursor.description) != 2 or cursor.fetchall():
            raise Malformed(f'{name}: must select subject and detail, and no row of an empty ledger')
        if name in seen:
            raise Malformed(f'{name}: stands twice')
        seen.add(name)


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def literal(text):
    """Comments away, a string for each line."""
    lines = [line for line in text.strip().split('\n') if not line.startswith('--')]
    return '\n'.join('                  ' + quoted(line + '\n').replace('\n', '\\n') for line in lines)


def table(rules, setup):
    yield '#include "daemon/core/fsck/fsck_inside.h"\n'
    yield f'const char fsck_setup[] =\n{literal(setup)};\n'
    yield 'const struct fsck_check fsck_sql_checks[] = {'
    for name, clause, part, sentence, sql in rules:
        yield f'        {{ .rule = {{ {quoted(name)}, {quoted(clause)},\n                    {quoted(sentence)},'
        yield f'                    {str(part == "audit").lower()}, {str(part == "portal").lower()} }},\n          .sql =\n{literal(sql)} }},'
    yield '};\nconst size_t fsck_n_sql_checks = sizeof fsck_sql_checks / sizeof fsck_sql_checks[0];'


def main(target, schema, setup, *files):
    def read(path):
        with open(path) as f:
            return f.read()
    rules, at = [], None
    try:
        for at in files:
            rules += parse(read(at))
        try_rules(rules, read(schema), read(setup))
    except (Malformed, sqlite3.Error) as why:
        sys.exit(f'{at}: {why}')
    with open(target, 'w') as out:
        out.write('\n'.join(table(rules, read(setup))) + '\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
