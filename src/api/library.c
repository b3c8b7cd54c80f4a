/* The library itself: its version, and where its log goes. Knows nothing of networks. */
#include <braid/log.h>
#include <braid/version.h>

#include "base/log.h"

_Static_assert((int)BRAID_LOG_ERROR == BRI_LOG_ERROR && (int)BRAID_LOG_DEBUG == BRI_LOG_DEBUG,
	"the public levels are the internal ones");

const char *braid_version(void)
{
	return BRAID_VERSION_STRING;
}

void braid_log_set_handler_f(int max_level, void *context, braid_log_handler_f handler)
{
	bri_log_set_handler(max_level < 0 ? 0 : max_level, context, handler);
}
