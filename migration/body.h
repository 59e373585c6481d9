/* body: what upgrade() or downgrade() does, as far as its tokens tell. */
#ifndef MIG_MIGRATION_BODY_H
#define MIG_MIGRATION_BODY_H

struct revision_function;
struct token;
struct tokens;

/* The function whose `def` is at DEF, its line starting at K, into F.  Returns the token behind its
 * body. */
const struct token *body_read(const struct tokens *t, struct revision_function *f,
                              const struct token *k, const struct token *def);

#endif
