/* Public additions of ours that are small: version, log, interfaces by name. */
#include <braid/interface.h>
#include <braid/log.h>
#include <braid/version.h>

#include "api/path.h"
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

nw_interface_t braid_interface_create_with_name(const char *name)
{
	nw_interface_t interface = name ? bri_interface_from_name(name) : NULL;

	if (!interface)
		bri_error("braid_interface_create_with_name: no interface \"%s\"",
			name ? name : "(null)");
	return interface;
}
