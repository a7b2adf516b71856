"""Every word of the report in one table, English and Chinese. English is plain ASCII: old RIS eat the rest."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh")

_TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("Bone age report", "骨龄评估报告"),
    "state.draft": ("DRAFT - not verified by a reader", "草稿 - 未经医师核实"),
    "state.reviewed": ("REVIEWED by a reader - not signed", "已由医师审阅 - 未签名"),
    "state.signed": ("SIGNED", "已签名"),
    "state.amended": ("AMENDED", "已修订"),
    "synthetic": (
        "SYNTHETIC FILM: drawn by a program for demonstration, not of a patient",
        "合成图像：由程序绘制，仅供演示，并非患者影像",
    ),
    "not_recorded": ("not recorded", "未记录"),
    "none": ("none", "无"),
    # who and what
    "patient": ("Patient", "患者"),
    "name": ("Name", "姓名"),
    "patient_id": ("Patient ID", "患者编号"),
    "sex": ("Sex", "性别"),
    "sex.M": ("male", "男"),
    "sex.F": ("female", "女"),
    "sex.other": ("not recorded as M or F (film says '{recorded}')", "未记录为男或女（影像标记为“{recorded}”）"),
    "birth_date": ("Birth date", "出生日期"),
    "chronological": ("Chronological age", "生活年龄"),
    "chronological.no_birth": ("not known: birth date not recorded", "未知：出生日期未记录"),
    "chronological.no_study": ("not known: study date not recorded", "未知：检查日期未记录"),
    "chronological.conflict": (
        "not given: the birth date lies after the study date",
        "不予给出：出生日期晚于检查日期",
    ),
    "age.corrected": ("{age} (corrected {corrected})", "{age}（矫正 {corrected}）"),
    "chronological.corrected": (
        "; corrected for birth at {weeks} weeks: {age} ({months} months)", "；按孕 {weeks} 周出生矫正：{age}（{months} 个月）"
    ),
    "chronological.uncorrected": ("; born at {weeks} weeks, not corrected", "；孕 {weeks} 周出生，未矫正"),
    "chronological.no_weeks": (
        "; not corrected: duration of pregnancy not recorded", "；未矫正：孕周未记录"
    ),
    "chronological.too_old": (
        "; born at {weeks} weeks, not corrected from 3 years on", "；孕 {weeks} 周出生，3 岁起不再矫正"
    ),
    "chronological.estimated.month": (
        "; birth date estimated (day not known): {low} to {high}", "；出生日期为估计（日期不详）：{low} 至 {high}"
    ),
    "chronological.estimated.year": (
        "; birth date estimated (only the year known): {low} to {high}", "；出生日期为估计（仅知年份）：{low} 至 {high}"
    ),
    "referrer": ("Referrer", "申请医师"),
    "examination": ("Examination", "检查"),
    "study_date": ("Study date", "检查日期"),
    "accession": ("Accession", "检查号"),
    "study": ("Study", "检查项目"),
    "view": ("View", "投照位"),
    "side": ("Side", "侧别"),
    "side.L": ("left", "左手"),
    "side.R": ("right", "右手"),
    "institution": ("Institution", "检查机构"),
    "quality": ("Image quality", "影像质量"),
    "quality.not_read": ("not assessed: not read by the AI", "未评估：AI 未阅片"),
    "quality.no_doubt": ("no doubt was raised", "无提示"),
    "file.raster": (
        "picture file without DICOM header; what is known was entered by hand",
        "非 DICOM 图片文件；已知信息由人工录入",
    ),
    # result
    "result": ("Result", "结果"),
    "bone_age": ("Bone age", "骨龄"),
    "bone_age.draft": ("Bone age (draft)", "骨龄（草稿）"),
    "bone_age.none": ("not given", "不予给出"),
    "months": ("{months} months", "{months} 个月"),
    "years_months": ("{years} y {months} m", "{years} 岁 {months} 个月"),
    "span": ("{sign}{years} y {months} m", "{sign}{years} 年 {months} 个月"),
    "to": ("{low} to {high}", "{low} 至 {high}"),
    "or_more": ("{age} or more", "{age} 或以上"),
    "interval": (
        "{percent} % interval {low} to {high}: the AI's measured error{source}. It is not the normal range.",
        "{percent}% 区间 {low} 至 {high}：为 AI 的实测误差{source}，不是正常值范围。",
    ),
    "interval.source": (" ({source})", "（{source}）"),
    "interval.changed": (
        " It was measured on AI grades, without a reader's changes.",
        "该误差按 AI 等级测得，不含医师的修改。",
    ),
    "interval.none": (
        "Interval not given: no measured error is on record for this sex and bone age.",
        "未给出区间：该性别与骨龄范围内无实测误差记录。",
    ),
    "bound.at_least": (
        "The table ends here: a bound, not a value. All 13 bones have reached their last grade.",
        "已达表格上限：此为界限而非数值。13 块骨均已达到最高等级。",
    ),
    "bound.below": (
        "The score lies below the table's first year: a bound, not a value.",
        "总分低于表格起始年龄：此为界限而非数值。",
    ),
    "why": ("No bone age: {reason}", "无骨龄结果：{reason}"),
    "why.not_read": ("the film was not read yet", "尚未阅片"),
    "why.sex": (
        "the sex is not recorded; it picks the table",
        "性别未记录；性别决定所用表格",
    ),
    "why.missing": (
        "{count} of 13 bones have no grade ({bones}); a missing bone is not scored as zero",
        "13 块骨中有 {count} 块无等级（{bones}）；缺失的骨不按零分计算",
    ),
    "difference": ("Bone age - chron. age", "骨龄与生活年龄之差"),
    "difference.corrected": ("Bone age - corr. age", "骨龄与矫正年龄之差"),
    "difference.value": ("{span} ({months} months), {words}", "{span}（{months} 个月），{words}"),
    "difference.bound": ("not given: the bone age is a bound", "不予给出：骨龄仅为界限"),
    "difference.no_age": ("not given: chronological age not known", "不予给出：生活年龄未知"),
    "difference.no_bone_age": ("not given: no bone age", "不予给出：无骨龄结果"),
    "within": ("within 1 year", "相差 1 年以内"),
    "ahead": ("1 to 2 years ahead", "提前 1 至 2 年"),
    "behind": ("1 to 2 years behind", "落后 1 至 2 年"),
    "far_ahead": ("more than 2 years ahead", "提前 2 年以上"),
    "far_behind": ("more than 2 years behind", "落后 2 年以上"),
    "normal_range": ("Normal range", "正常值范围"),
    "normal_range.none": (
        "not given: no standard deviation is tabulated for this age",
        "未给出：该年龄无标准差数据",
    ),
    "normal_range.unknown": ("not given: age or sex is not known", "未给出：年龄或性别未知"),
    "normal_range.value": ("{low} to {high} (age +- 2 SD)", "{low} 至 {high}（年龄 \N{PLUS-MINUS SIGN} 2 SD）"),
    "normal_range.years": (
        "{low} to {high} (age +- 1 year; 1 to 2 years off: slightly, more: clearly delayed or advanced)",
        "{low} 至 {high}（年龄 \N{PLUS-MINUS SIGN} 1 年；相差 1 至 2 年为轻度，2 年以上为明显落后或提前）",
    ),
    "reference": ("Reference", "参考标准"),
    "reference.no_mean": (
        "{name}: SD {sd} months at this age; read with Greulich-Pyle standards",
        "{name}：该年龄标准差 {sd} 个月；按 Greulich-Pyle 标准判读",
    ),
    "reference.value": (
        "{name}: mean {mean}, SD {sd} months at this age; read with Greulich-Pyle standards",
        "{name}：该年龄均值 {mean}，标准差 {sd} 个月；按 Greulich-Pyle 标准判读",
    ),
    "conclusion": ("Conclusion", "结论"),
    "conclusion.delayed.bound": ("delayed (below the table's first age)", "落后（低于表中最小年龄）"),
    "conclusion.advanced.bound": ("advanced (at or past the table's last age)", "提前（达到或超过表中最大年龄）"),
    "conclusion.delayed.slight": ("slightly delayed", "轻度落后"),
    "conclusion.delayed.clear": ("clearly delayed", "明显落后"),
    "conclusion.advanced.slight": ("slightly advanced", "轻度提前"),
    "conclusion.advanced.clear": ("clearly advanced", "明显提前"),
    "conclusion.delayed.plain": ("delayed", "落后"),
    "conclusion.normal.plain": ("normal", "正常"),
    "conclusion.advanced.plain": ("advanced", "提前"),
    "conclusion.score": ("{words} ({score} SD)", "{words}（{score} SD）"),
    "conclusion.open_birth": (
        "open: the birth date is estimated and the ages that it allows differ in it",
        "不能判定：出生日期为估计值，其可能年龄的结论不一致",
    ),
    "conclusion.open": ("open: the bone age is only a bound", "不能判定：骨龄仅为界限值"),
    "score": ("Score", "总分"),
    "score.value": ("{score} of 1000 points", "{score} 分（满分 1000）"),
    "machine": ("AI grades alone", "仅按 AI 等级"),
    "machine.value": ("{age} ({score} points)", "{age}（{score} 分）"),
    "machine.none": ("no bone age", "无骨龄结果"),
    "machine.not_read": ("not read by the AI", "AI 未阅片"),
    "verification": ("Checked by reader", "医师核对"),
    "verification.value": (
        "{seen} of 13 bones looked at, {changed} grade{plural} changed, {moved} box{es} corrected",
        "已核对 13 块骨中的 {seen} 块，修改 {changed} 个等级，修正 {moved} 个框",
    ),
    "annotations": ("On the film", "片上标注"),
    "annotation.distance": ("distance {number}", "距离 {number}"),
    "annotation.angle": ("angle {number}", "角度 {number}"),
    "annotation.note": ("note {number}", "注记 {number}"),
    "annotation.said": ("{name}: {value}", "{name}：{value}"),
    "unit.at_detector": ("mm at detector", "mm（探测器平面）"),
    "unit.pixels": ("px", "像素"),
    "unit.degrees_in_pixels": ("\N{DEGREE SIGN} in pixels", "\N{DEGREE SIGN}（按像素）"),
    "key_image": ("Key image", "关键图像"),
    "key_image.value": ("this film", "本片"),
    "blind_first": ("Blind first", "先盲读"),
    "blind_first.value": (
        "{graded} of 13 bones graded before the AI was shown, {changed} of these changed afterwards",
        "AI 结果显示前已评定 13 块骨中的 {graded} 块，其后修改 {changed} 块",
    ),
    "blind_first.hidden": ("the AI is not shown yet", "AI 结果尚未显示"),
    "second_opinion": ("Second opinion", "第二意见"),
    "second_opinion.value": ("{name} {age}{interval}{difference} ({model})", "{name} {age}{interval}{difference}（{model}）"),
    "second_opinion.interval": (" [{low} to {high}]", " [{low} 至 {high}]"),
    "second_opinion.difference": ("; the 13 bones differ by {months} months", "；13 块骨的骨龄与之相差 {months} 个月"),
    "second_opinion.at_least": (" at least", "以上"),
    "second_opinion.at_most": (" at most", "以下"),
    "second_opinion.usual": (", usual is up to {months}", "，通常不超过 {months} 个月"),
    "second_opinion.not_usual": (", BEYOND the usual, up to {months}", "，超出通常范围（不超过 {months} 个月）"),
    "second_opinion.not_measured": (", what is usual was not measured", "，通常差异未测定"),
    "second_opinion.whole-hand": ("Whole hand", "全手"),
    "second_opinion.dual": ("Dual output", "双输出"),
    "second_opinion.cascade": ("Region cascade", "区域级联"),
    "second_opinion.regression": ("Regression", "回归"),
    "second_opinion.legend": (
        "Second opinion: a model of the whole film that does not see these grades, trained on the same films. Usual: "
        "95 of 100 films that no model was trained on.",
        "第二意见：基于整张影像的模型，不参考上述等级，但训练影像相同。通常差异：未参与训练的影像中，每 100 张有 95 张不超过此值。",
    ),
    "difference_comment": ("On that difference", "对该差异的说明"),
    "difference_comment.none": ("nothing written yet; needed before sign-off", "尚未填写；审阅完成前须填写"),
    "method": ("Method", "方法"),
    "method.value": ("{name}, {edition}{table}", "{name}，{edition}{table}"),
    "method.M": (", table for boys", "，男孩表"),
    "method.F": (", table for girls", "，女孩表"),
    "reader": ("Reader of this station", "本机医师"),
    "sign": ("Physician: {0}   Signature: {0}   Date: {0}", "报告医师：{0}   签名：{0}   日期：{0}"),
    # earlier films
    "comparison": ("Comparison with earlier readings (same method)", "与既往阅片比较（同一方法）"),
    "comparison.value": ("age {ca}, bone age {ba}{state}{change}", "生活年龄 {ca}，骨龄 {ba}{state}{change}"),
    "comparison.reviewed": (" (not signed)", "（未签名）"),
    "comparison.change": (
        "; since then bone age {ba} over {ca} of life{rate}",
        "；其后骨龄变化 {ba}，同期生活年龄增加 {ca}{rate}",
    ),
    "comparison.rate": (" = {rate}", "，比值 {rate}"),
    "comparison.short": (" (too short for a rate)", "（间隔过短，不计算比值）"),
    "comparison.bound": (
        "; change not given: a bone age is missing or a bound",
        "；不给出变化：骨龄缺失或仅为界限",
    ),
    "comparison.more": ("and {count} earlier", "另有更早的 {count} 次"),
    "comparison.later.label": ("Left out", "未列入"),
    "comparison.later": (
        "earlier films were read or changed after this report was signed; it does not rest on them",
        "本报告签名后又有既往影像被阅片或更改；本报告未以其为依据",
    ),
    # seals
    "signed_by": ("Signed by {name}, {role}, {time}.", "签名：{name}，{role}，{time}。"),
    "signed_by.reason": (" Reason: {reason}", " 理由：{reason}"),
    "role.radiologist": ("radiologist", "放射科医师"),
    "role.endocrinologist": ("endocrinologist", "内分泌科医师"),
    "role.technologist": ("technologist", "技师"),
    "role.administrator": ("administrator", "管理员"),
    "addenda": ("Addenda", "补充说明"),
    "addendum.heading": ("Addendum {number}. {signed}", "补充说明 {number}。{signed}"),
    "addendum.title": ("Addendum {number} to the bone age report", "骨龄评估报告补充说明 {number}"),
    "addendum.number": ("Addendum {number}", "补充说明 {number}"),
    "addendum.report": ("To the report", "所属报告"),
    "report_signed": ("Report signed", "报告签名"),
    # all standards
    "standards": ("The same reading by other standards", "同一阅片按其他标准"),
    "standards.col.standard": ("Standard", "标准"),
    "standards.col.score": ("Points", "分值"),
    "standards.col.bone_age": ("Bone age", "骨龄"),
    "standards.col.difference": ("Against age", "与年龄比较"),
    "standards.name": ("{name}, {edition}", "{name}, {edition}"),
    "standards.whole_hand": ("{name}, {edition} (a whole-hand model's)", "{name}, {edition}（全手模型）"),
    "standards.reader": ("{name}, {edition} (read by the reader)", "{name}, {edition}（医师自行对照图谱）"),
    "standards.site": ("{name} - standard of this site", "{name}（本单位所用标准）"),
    "standards.site.note": (
        "Standard of this site: {told}. Grades, interval, conclusion and the bone age of this report are those of RUS-CHN.",
        "本单位所用标准：{told}。本报告的等级、区间、结论与骨龄均按 RUS-CHN。",
    ),
    "standards.site.none": (
        "Standard of this site: {name}, {why}. The bone age of this report is that of RUS-CHN.",
        "本单位所用标准：{name}，{why}。本报告的骨龄按 RUS-CHN。",
    ),
    "standards.site.sd": ("SD score {score} ({name}: SD {sd} months at this age)", "SD 值 {score}（{name}：该年龄标准差 {sd} 个月）"),
    "standards.site.mean": (
        "SD score {score} ({name}: mean {mean}, SD {sd} months at this age)",
        "SD 值 {score}（{name}：该年龄均值 {mean}，标准差 {sd} 个月）",
    ),
    "standards.why.no-grades": ("not given: no 13 grades", "未给出：13 块骨等级不全"),
    "standards.why.no-model": ("not given: no second opinion", "未给出：无第二意见"),
    "standards.why.other-bones": ("not given: needs capitate, hamate", "未给出：需头状骨、钩骨"),
    "standards.apart": (
        "{older} and {younger} are {months} months apart: {reason}.", "{older} 与 {younger} 相差 {months} 个月：{reason}。"
    ),
    "standards.reason.norms": ("the same points, read on norms of other children", "分值相同，但常模来自不同儿童"),
    "standards.reason.points": (
        "norms of the same children, but other points, and TW3 stages merge the half grades of RUS-CHN",
        "常模来自相同儿童，但分值不同，且 TW3 分期合并了 RUS-CHN 的半级",
    ),
    "standards.reason.both": (
        "the same 13 grades, but other points and norms of other children", "13 块骨等级相同，但分值与常模儿童均不同"
    ),
    "standards.reason.atlas": (
        "one adds up 13 bones, the other judges the whole hand by an atlas of American children of the 1930s",
        "一为 13 块骨计分，一为整手与 1930 年代美国儿童图谱比较",
    ),
    "standards.plates": (
        "Greulich-Pyle plates nearest to the RUS-CHN bone age: {plates}.", "与 RUS-CHN 骨龄最接近的 Greulich-Pyle 图版：{plates}。"
    ),
    "standards.carpal": (
        "Carpal methods are not given: no scores of them are on record.", "不提供腕骨法：无可用评分表。"
    ),
    # findings
    "findings": ("Grades of the 13 bones", "13 块骨的等级"),
    "join": ("; ", "；"),
    "comma": (", ", "，"),
    "named": ("{name}: {text}", "{name}：{text}"),
    "col.bone": ("Bone", "骨"),
    "col.machine": ("AI", "AI"),
    "col.probability": ("AI %", "AI %"),
    "col.human": ("Reader", "医师"),
    "col.final": ("Final", "最终"),
    "col.score": ("Points", "分值"),
    "total": ("Total", "合计"),
    "looked_at": ("seen", "已看"),
    "mark.changed": ("changed by reader", "医师已修改"),
    "mark.blind": ("before the AI was shown: {label}", "AI 显示前：{label}"),
    "mark.uncertain": ("AI uncertain", "AI 不确定"),
    "mark.missing": ("no grade", "无等级"),
    "mark.not_found": ("not found by AI", "AI 未找到"),
    "mark.removed": ("AI's box taken away by reader", "AI 的框被医师移除"),
    "mark.moved": ("box corrected by reader", "框经医师修正"),
    "mark.doubt": ("AI uncertain: {reason}", "AI 不确定：{reason}"),
    "mark.first": ("AI on its own box: {label}", "AI 在原框上为 {label}"),
    "comment": ('reason: "{comment}"', "理由：“{comment}”"),
    "col.measured": ("Measured", "测量"),
    "detail": ("Detail of the 13 bones", "13 块骨的细节"),
    "detail.legend": (
        "Measured on an outline of epiphysis and shaft: widths are shares of the shaft's end. On the pictures: "
        "epiphysis solid, shaft dashed. 'Against the grade': the measurement speaks against the final grade; the outline "
        "may be wrong, look again.",
        "根据骨骺与骨干的轮廓测得：宽度以干骺端宽度为单位。图中实线 = 骨骺，虚线 = 骨干。“与等级不符”：测量与最终等级不一致；"
        "轮廓可能有误，请复核。",
    ),
    "detail.not_measured": ("not measured", "未测量"),
    "detail.against": ("Against the grade: ", "与等级不符："),
    "detail.reason": ("Reader's reason: ", "医师理由："),
    "detail.no_box": ("no box", "无框"),
    # where the second opinion's model looked
    "map.title": ("Where the model of the second opinion looked", "第二意见模型的关注区域"),
    "map.caption": (
        "{name} ({model}), bone age {age}. The colour tells what moved this model's answer: plain film where it did not look, "
        "then dark blue to yellow with its weight. It shows what moved the model, not that the model was right.",
        "{name}（{model}），骨龄 {age}。颜色表示影响该模型结果的部位：未着色处未被关注，由深蓝至黄表示权重渐增。"
        "该图说明模型依据何处作出判断，并不证明其判断正确。",
    ),
    "map.alt": (
        "Film with a colour map of where the model '{name}' looked",
        "叠加彩色关注图的影像，显示“{name}”模型的关注区域",
    ),
    "map.less": ("less", "低"),
    "map.more": ("most", "高"),
    "page": ("Page {number} of {count}", "第 {number} 页，共 {count} 页"),
    "flags.against": (
        "Measurements speak against the final grade of {count} of 13 bones ({bones}): see the detail page.",
        "13 块骨中有 {count} 块（{bones}）的测量与最终等级不符：见细节页。",
    ),
    "legend": (
        "AI %: the model's probability for its grade. Reader: grade decided by the reader; '-' not looked at.",
        "AI %：模型对该等级给出的概率。医师：医师确定的等级；“-”表示尚未核对。",
    ),
    "film": ("Film", "影像"),
    "film.caption": (
        "Labels: bone and final grade. Box: thin = AI, thick = corrected by reader, dashed = uncertain.",
        "标注：骨与最终等级。框：细线 = AI，粗线 = 医师修正，虚线 = 不确定。",
    ),
    "film.alt": (
        "Radiograph of the hand with the boxes of {count} bones; the table says their grades.",
        "手部 X 线片，标有 {count} 块骨的框；等级见表。",
    ),
    "film.trimmed": ("Black borders of the film are left out.", "影像的黑边未显示。"),
    "film.absent": (
        "The film was not available when this report was written.",
        "生成本报告时影像不可用。",
    ),
    "flags": ("Points to check", "需核对事项"),
    "flags.none": ("No flags were raised.", "无提示事项。"),
    "flags.answer": ('{text} Reader: "{answer}"', "{text} 医师：“{answer}”"),
    "flags.blocking": ("PREVENTS A BONE AGE: {text}", "不能给出骨龄：{text}"),
    "impression": ("Impression", "印象"),
    "impression.none": ("No impression was written.", "未填写印象。"),
    # provenance
    "provenance": ("Models and origin", "模型与来源"),
    "models": ("Models", "模型"),
    "film_hash": ("Film SHA-256", "影像 SHA-256"),
    "film_hash.value": ("{digest}... ({width} x {height} px{frame})", "{digest}...（{width} x {height} 像素{frame}）"),
    "frame": (", frame {number} of {count}", "，第 {number}/{count} 帧"),
    "software": ("Software", "软件"),
    "reading": ("Reading", "阅片记录"),
    "reading.value": ("{id}, revision {revision}", "{id}，修订 {revision}"),
    "analysed": ("Analysed by AI", "AI 分析时间"),
    "printed": ("State of", "数据时间"),
    "limits": (
        "A reading aid, not a cleared medical device: the result needs a physician's own reading of the film.",
        "本软件为阅片辅助工具，不是获批的医疗器械：结果须由医师亲自阅片确认。",
    ),
    "cut": ("... [cut to fit the page; whole in the text copy]", "……[为适应页面已截断；全文见文本版]"),
    # flags by code, for the languages in which the program does not raise them
    "flag.no_hand": ("", "影像中未找到手。"),
    "flag.several_hands": ("", "影像中有不止一只手。"),
    "flag.foot": ("", "影像似为足部，而非手部。"),
    "flag.laterality_conflict": ("", "记录的侧别与拇指位置不符（或影像被镜像、或为前后位）。请核对标记。"),
    "flag.laterality_unknown": ("", "侧别未记录。"),
    "flag.bone_uncertain": ("", "位置或等级不确定。"),
    "flag.bone_missing": ("", "未找到。"),
    "flag.low_quality": ("", "影像质量低。"),
    "flag.inverted": ("", "影像灰度可能反转。"),
    "flag.sex_missing": ("", "性别未知：无法给出骨龄。"),
    "flag.birth_date_missing": ("", "出生日期未知：无法计算生活年龄。"),
    "flag.birth_after_study": ("", "出生日期晚于检查日期：其中之一有误。"),
    "flag.age_mismatch": ("", "影像记录的年龄与出生日期不符。"),
    "flag.not_radiograph": ("", "该文件不是 X 线片。"),
    "flag.weights_missing": ("", "模型权重缺失。"),
    "flag.sex_mismatch": ("", "影像所示性别与记录不符。请核对性别：性别决定所用表格。"),
    "flag.outside_training": ("", "年龄超出模型训练范围，不予给出。"),
    "flag.whole_hand_unavailable": ("", "模型未给出结果。"),
}


def text(language: str, key: str, /, **values: object) -> str:
    """The text of ``key`` in 'en' or 'zh' with its values filled in; KeyError for an unknown key."""
    template = _TEXTS[key][LANGUAGES.index(language)]
    return template.format(**values) if values else template


def keys() -> tuple[str, ...]:
    """All keys of the table."""
    return tuple(_TEXTS)


def has(language: str, key: str) -> bool:
    """Whether the table holds words for ``key`` in ``language``."""
    return bool(_TEXTS.get(key, ("", ""))[LANGUAGES.index(language)])
