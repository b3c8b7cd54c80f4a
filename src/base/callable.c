/* Blocks as {function, context, destructor}. The only file that knows the blocks runtime. */
#include "base/callable.h"

extern void *_Block_copy(const void *block);
extern void _Block_release(const void *block);

void *bri_block_copy(const void *block)
{
	return _Block_copy(block);
}

void bri_block_release(void *block)
{
	_Block_release(block);
}

struct bri_callable bri_callable_from_block(const void *block)
{
	struct bri_block *copy;

	if (!block)
		return (struct bri_callable) { 0 };
	copy = _Block_copy(block);
	return BRI_CALLABLE(copy->invoke, copy, bri_block_release);
}

struct bri_callable bri_callable_borrow_block(const void *block)
{
	if (!block)
		return (struct bri_callable) { 0 };
	return BRI_CALLABLE(
		((const struct bri_block *)block)->invoke, (void *)(uintptr_t)block, NULL);
}

void bri_callable_clear(struct bri_callable *call)
{
	struct bri_callable old = *call;

	*call = (struct bri_callable) { 0 };
	if (old.destroy)
		old.destroy(old.context);
}
