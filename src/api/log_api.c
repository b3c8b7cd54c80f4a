/* braid/log.h and braid/version.h. Knows nothing else. */
#include <braid/log.h>
#include <braid/version.h>

#include "base/log.h"

BRI_EXPORT void braid_log_set_handler_f(int max_level, void *context, braid_log_handler_f handler)
{
	bri_log_set_handler(max_level, context, handler);
}

BRI_EXPORT const char *braid_version(void)
{
	return BRAID_VERSION_STRING;
}
