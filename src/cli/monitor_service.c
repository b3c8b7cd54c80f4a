/* Which service a connection has: braidd knows, the kernel does not. */
#include "cli/monitor_collect.h"

void bri_monitor_services(struct bri_monitor_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_connections; i++)
		snapshot->connections[i].service[0] = 0;
}
