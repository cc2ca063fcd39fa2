"""Papers of synthetic people for the tests of every rendering."""

from datetime import date

from portal.documents.papers import Paper, PaperCode, PaperField, PaperTable, Slip

CHECK_ADDRESS = "http://localhost:8000/papers/7K3M-9QWE-RT2Y-5UPA-SDF8-GHJK-ZX/?a=2000&d=20261121&s=0123456789abcdef"


def card_fee_notice(name: str = "张测试", language: str = "zh-hans", rows: int = 1) -> Paper:
    """A non-tax payment notice of 20 yuan with every part a paper can have."""
    lines = [
        ["103044501", f"社会保障卡工本费{number if rows > 1 else ''}", "张", "1", "20.00", "20.00"]
        for number in range(1, rows + 1)
    ]
    return Paper(
        kind="nontax",
        title="非税收入缴款通知书",
        number="4420 0026 0000 0017 8",
        issued_on=date(2026, 11, 21),
        language=language,
        office="中山市人力资源和社会保障局（示例）",
        parties=[
            PaperField("缴款人", name, "payer"),
            PaperField("证件号码", "4************4", "identity_number"),
            PaperField("执收单位", "中山市社会保险基金管理局（示例）", "executing_unit", shared=True),
            PaperField("执收单位编码", "442000013", "executing_unit_code", shared=True),
            PaperField("收款人", "中山市财政局非税收入待解缴专户（示例）", "payee", shared=True),
            PaperField("代收银行", "工商银行、农业银行、建设银行", "banks", shared=True),
        ],
        fields=[
            PaperField("缴款识别码", "44200026112100000017", "pay_code", wide=True, strong=True),
            PaperField("缴款期限", "2026年12月21日", "due_on", strong=True),
            PaperField("金额（小写）", f"¥{20 * rows}.00", "amount", strong=True),
            PaperField("金额（大写）", "人民币贰拾元整", "amount_capital", wide=True, strong=True),
        ],
        tables=[
            PaperTable(
                head=["项目编码", "收入项目名称", "单位", "数量", "收缴标准（元）", "金额（元）"],
                rows=lines,
                foot=["", "合计", "", str(rows), "", f"{20 * rows}.00"],
                widths=[16, 34, 8, 10, 16, 16],
                numeric=[3, 4, 5],
                shared=[0, 1, 2],
            )
        ],
        paragraphs=[
            "一、请在缴款期限内凭缴款识别码到工商银行、农业银行、建设银行任一网点或网上银行缴款。",
            "二、缴款后不必再到窗口：银行入账后申请自动进入审核，自确认缴款之日起 20 个工作日内制卡。",
            "三、逾期未缴款的，本通知书失效，申请自动终止，可以重新申请。",
            "四、本通知书是缴款依据，不是收款凭证。缴款后由财政部门出具财政电子票据。",
        ],
        codes=[PaperCode("qr", CHECK_ADDRESS, "扫码核对本通知书真伪\n7K3M-9QWE-RT2Y\n5UPA-SDF8-GHJK-ZX")],
        footer=["咨询电话：12333　　打印时间：2026年11月21日 10:05　　核对网址：http://localhost:8000/papers/"],
        slip=Slip(
            title="银行留存联",
            fields=[
                PaperField("缴款识别码", "44200026112100000017", "slip_pay_code"),
                PaperField("缴款人", name, "slip_payer"),
                PaperField("金额（小写）", f"¥{20 * rows}.00", "slip_amount", strong=True),
                PaperField("缴款期限", "2026年12月21日", "slip_due_on"),
            ],
            codes=[PaperCode("code128", "44200026112100000017", "44200026112100000017")],
            note="银行经办人请核对识别码、缴款人与金额后收款。",
        ),
    )


def receipt(name: str = "张测试") -> Paper:
    """A short English paper: no table, no slip."""
    return Paper(
        kind="receipt",
        title="Acceptance receipt",
        number="GL-2026-000123-4",
        issued_on=date(2026, 11, 21),
        language="en",
        office="Guilin Healthcare Security Service Centre (sample)",
        status="Received on 21 November 2026, 10:05",
        parties=[
            PaperField("Applicant", name, "applicant"),
            PaperField("Identity number", "4************4", "identity_number"),
        ],
        fields=[
            PaperField(
                "What was applied for", "Residents' basic medical insurance, cover year 2027", "purpose", wide=True
            ),
            PaperField("Decision due", "26 November 2026", "due_on", strong=True),
            PaperField("Office", "Xiufeng Street Service Point (sample)", "office"),
        ],
        paragraphs=[
            "Keep this receipt. You can follow your case with its number and the last four characters of your identity"
            " number."
        ],
        codes=[PaperCode("qr", CHECK_ADDRESS, "Check this paper\n7K3M-9QWE-RT2Y\n5UPA-SDF8-GHJK-ZX")],
        footer=["Telephone: 12393"],
    )
