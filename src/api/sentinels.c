/*
 * Constants of the API that are compared by pointer. The blocks are laid out by hand, as the
 * compiler would lay out block literals that capture nothing (the blocks ABI, "Block-ABI-Apple").
 */
#include "api/sentinels.h"

#include "api/content_context.h"
#include "api/privacy_context.h"
#include "base/log.h"

/* of libBlocksRuntime: the class of blocks that are never copied nor freed */
extern void *_NSConcreteGlobalBlock[];

#define BLOCK_IS_GLOBAL (1 << 28)

struct descriptor {
	unsigned long reserved, size;
};

struct literal {
	struct bri_block block;
	const struct descriptor *descriptor;
};

static const struct descriptor plain = { .size = sizeof(struct literal) };

#define LITERAL(fn_)                                                                               \
	{                                                                                          \
		.block = { .isa = _NSConcreteGlobalBlock,                                          \
			.flags = BLOCK_IS_GLOBAL,                                                  \
			.invoke = (bri_any_f)(fn_) },                                              \
		.descriptor = &plain,                                                              \
	}

/* The three differ in what they say, so that no linker takes them for one function. */
static void disable_protocol(void *context, nw_protocol_options_t options)
{
	(void)context;
	(void)options;
	bri_debug("the constant that disables a protocol was called as a function");
}

static void default_configuration(void *context, nw_protocol_options_t options)
{
	(void)context;
	(void)options;
	bri_debug("the constant that leaves a protocol's defaults was called as a function");
}

static void send_idempotent_content(void *context, nw_error_t error)
{
	(void)context;
	(void)error;
	bri_debug("the constant for idempotent content was called as a function");
}

static const struct literal disable_block = LITERAL(disable_protocol);
static const struct literal default_block = LITERAL(default_configuration);
static const struct literal idempotent_block = LITERAL(send_idempotent_content);

const struct bri_block *const _nw_connection_send_idempotent_content = &idempotent_block.block;
const struct bri_block *const _nw_parameters_configure_protocol_default_configuration =
	&default_block.block;
const struct bri_block *const _nw_parameters_configure_protocol_disable = &disable_block.block;

const nw_parameters_configure_protocol_f braid_disable_protocol_f = disable_protocol;
const nw_parameters_configure_protocol_f braid_default_configuration_f = default_configuration;
const nw_connection_send_completion_f braid_send_idempotent_content_f = send_idempotent_content;

const nw_content_context_t _nw_content_context_default_message =
	&bri_content_context_default_message;
const nw_content_context_t _nw_content_context_default_stream = &bri_content_context_default_stream;
const nw_content_context_t _nw_content_context_final_send = &bri_content_context_final_send;
const nw_privacy_context_t _nw_privacy_context_default_context = &bri_privacy_context_default;
const uint32_t _nw_data_transfer_report_all_paths = UINT32_MAX;

bool bri_sentinels_is_idempotent(const struct bri_callable *completion)
{
	return completion->fn == (bri_any_f)send_idempotent_content;
}
