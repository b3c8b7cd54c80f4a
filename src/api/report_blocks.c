/* Block forms of the reports' functions. */
#include "api/report_blocks.h"

BRI_EXPORT void nw_connection_access_establishment_report(
	nw_connection_t connection, dispatch_queue_t queue, const void *access_block)
{
	bri_report_access(connection, queue, bri_callable_from_block(access_block));
}

BRI_EXPORT void nw_establishment_report_enumerate_resolutions(
	nw_establishment_report_t report, const void *block)
{
	struct bri_callable call = bri_callable_borrow_block(block);

	nw_establishment_report_enumerate_resolutions_f(
		report, call.context, (nw_report_resolution_enumerator_f)call.fn);
}

BRI_EXPORT void nw_establishment_report_enumerate_resolution_reports(
	nw_establishment_report_t report, const void *block)
{
	struct bri_callable call = bri_callable_borrow_block(block);

	nw_establishment_report_enumerate_resolution_reports_f(
		report, call.context, (nw_report_resolution_report_enumerator_f)call.fn);
}

BRI_EXPORT void nw_establishment_report_enumerate_protocols(
	nw_establishment_report_t report, const void *block)
{
	struct bri_callable call = bri_callable_borrow_block(block);

	nw_establishment_report_enumerate_protocols_f(
		report, call.context, (nw_report_protocol_enumerator_f)call.fn);
}

BRI_EXPORT void nw_data_transfer_report_collect(
	nw_data_transfer_report_t report, dispatch_queue_t queue, const void *collect_block)
{
	bri_report_collect(report, queue, bri_callable_from_block(collect_block));
}
