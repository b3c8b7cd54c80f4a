/*
 * A handler as the library keeps it: function, context, destructor. A block is one such triple:
 * its invoke function takes the block as first argument, as our `_f` functions take the context.
 * So a block {invoke, block} and a function {fn, context} are called in the same way.
 */
#ifndef BRI_CALLABLE_H
#define BRI_CALLABLE_H

#include "base/base.h"

typedef void (*bri_any_f)(void);
typedef void (*bri_destroy_f)(void *context);

struct bri_callable {
	bri_any_f fn; /* NULL: none. Cast to the handler's type, context first */
	void *context;
	bri_destroy_f destroy; /* NULL: nothing to destroy; else called exactly once */
};

/* The part of a block's layout that is fixed by the blocks ABI. */
struct bri_block {
	void *isa;
	int flags;
	int reserved;
	bri_any_f invoke;
};

#define BRI_CALLABLE(fn_, context_, destroy_)                                                      \
	((struct bri_callable) {                                                                   \
		.fn = (bri_any_f)(fn_), .context = (context_), .destroy = (destroy_) })

/* Block_copy and Block_release for files that do not know the blocks runtime. block: not NULL. */
void *bri_block_copy(const void *block);
void bri_block_release(void *block);

/* bri_callable_from_block(): copies the block (Block_copy). NULL gives an empty callable. */
struct bri_callable bri_callable_from_block(const void *block);
/* bri_callable_borrow_block(): for a call that ends before we return: no copy, no destroy. */
struct bri_callable bri_callable_borrow_block(const void *block);
/* bri_callable_clear(): runs destroy if there is one, and empties it. */
void bri_callable_clear(struct bri_callable *call);

#endif
