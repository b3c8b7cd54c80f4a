/* nw_protocol_stack: the options of every protocol of a connection. Knows no protocol but IP. */
#include "api/protocol_stack.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"

static void clear_application(struct nw_protocol_stack *stack)
{
	nw_protocol_options_t *old = stack->application;
	size_t count = stack->count;

	stack->application = NULL;
	stack->count = 0;
	for (size_t i = 0; i < count; i++)
		bri_object_put(old[i]);
	free(old);
}

static void destroy(struct bri_object *obj)
{
	struct nw_protocol_stack *stack = (struct nw_protocol_stack *)obj;

	clear_application(stack);
	bri_object_put(stack->transport);
	bri_object_put(stack->internet);
	free(stack);
}

static const struct bri_class stack_class = {
	.name = "nw_protocol_stack",
	.kind = BRI_KIND_PROTOCOL_STACK,
	.destroy = destroy,
};

nw_protocol_stack_t bri_protocol_stack_new(nw_protocol_options_t transport)
{
	struct nw_protocol_stack *stack = bri_object_new(&stack_class, sizeof(*stack));

	if (!stack) {
		bri_object_release(transport);
		return NULL;
	}
	stack->transport = bri_object_own(transport);
	stack->internet = bri_object_own(bri_protocol_options_new(&bri_protocol_ip));
	if (!stack->internet) {
		bri_object_release(stack);
		return NULL;
	}
	return stack;
}

/* A copy of `from` into the empty *to. Returns false: no memory. */
static bool copy_options(nw_protocol_options_t from, nw_protocol_options_t *to)
{
	*to = from ? bri_object_own(bri_protocol_options_copy(from)) : NULL;
	return !from || *to;
}

nw_protocol_stack_t bri_protocol_stack_copy(nw_protocol_stack_t src)
{
	struct nw_protocol_stack *stack = bri_object_new(&stack_class, sizeof(*stack));
	bool ok;

	if (!stack)
		return NULL;
	ok = copy_options(src->transport, &stack->transport) &&
	     copy_options(src->internet, &stack->internet);
	if (ok && src->count) {
		stack->application = calloc(src->count, sizeof(*stack->application));
		ok = stack->application;
	}
	while (ok && stack->count < src->count) {
		ok = copy_options(
			src->application[stack->count], &stack->application[stack->count]);
		stack->count += ok;
	}
	if (ok)
		return stack;
	bri_object_release(stack);
	return NULL;
}

/* Options that may stand at `level` of a stack; if not, one line is logged. */
static bool check_level(nw_protocol_options_t opts, unsigned level, const char *function)
{
	if (!bri_object_check(opts, BRI_KIND_PROTOCOL_OPTIONS, function))
		return false;
	if (opts->definition->levels & level)
		return true;
	bri_error("%s: %s is not %s", function, opts->definition->identifier,
		level == BRI_PROTOCOL_TRANSPORT ? "a transport" : "an application protocol");
	return false;
}

void nw_protocol_stack_prepend_application_protocol(
	nw_protocol_stack_t stack, nw_protocol_options_t protocol)
{
	nw_protocol_options_t *grown;

	if (!bri_object_check(stack, BRI_KIND_PROTOCOL_STACK, __func__) ||
		!check_level(protocol, BRI_PROTOCOL_APPLICATION, __func__))
		return;
	if (stack->count == BRI_PROTOCOL_STACK_MAX) {
		bri_error("%s: a stack has at most %d application protocols", __func__,
			BRI_PROTOCOL_STACK_MAX);
		return;
	}
	grown = reallocarray(stack->application, stack->count + 1, sizeof(*grown));
	if (!grown) {
		bri_error("%s: no memory", __func__);
		return;
	}
	memmove(grown + 1, grown, stack->count * sizeof(*grown));
	grown[0] = bri_object_get(protocol);
	stack->application = grown;
	stack->count++;
}

void nw_protocol_stack_clear_application_protocols(nw_protocol_stack_t stack)
{
	if (bri_object_check(stack, BRI_KIND_PROTOCOL_STACK, __func__))
		clear_application(stack);
}

void nw_protocol_stack_iterate_application_protocols_f(nw_protocol_stack_t stack,
	void *iterate_context, nw_protocol_stack_iterate_protocols_f iterate)
{
	nw_protocol_options_t seen[BRI_PROTOCOL_STACK_MAX];
	size_t count;

	if (!bri_object_check(stack, BRI_KIND_PROTOCOL_STACK, __func__))
		return;
	if (!iterate) {
		bri_error("%s: nothing to call", __func__);
		return;
	}
	/* a copy, as the callee may change the stack it looks at */
	count = stack->count;
	for (size_t i = 0; i < count; i++)
		seen[i] = bri_object_get(stack->application[i]);
	for (size_t i = 0; i < count; i++) {
		iterate(iterate_context, seen[i]);
		bri_object_put(seen[i]);
	}
}

nw_protocol_options_t nw_protocol_stack_copy_transport_protocol(nw_protocol_stack_t stack)
{
	if (!bri_object_check(stack, BRI_KIND_PROTOCOL_STACK, __func__))
		return NULL;
	return bri_object_retain(stack->transport);
}

void nw_protocol_stack_set_transport_protocol(
	nw_protocol_stack_t stack, nw_protocol_options_t protocol)
{
	if (bri_object_check(stack, BRI_KIND_PROTOCOL_STACK, __func__) &&
		check_level(protocol, BRI_PROTOCOL_TRANSPORT, __func__))
		bri_object_set(&stack->transport, protocol);
}

nw_protocol_options_t nw_protocol_stack_copy_internet_protocol(nw_protocol_stack_t stack)
{
	if (!bri_object_check(stack, BRI_KIND_PROTOCOL_STACK, __func__))
		return NULL;
	return bri_object_retain(stack->internet);
}
